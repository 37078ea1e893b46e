//! Streams of random numbers that are the same on every platform and can be saved and resumed in the middle.
//!
//! Each coin, listing and kind of shock draws from a stream of its own, named by text: adding a coin leaves the others as
//! they were. No operating system randomness, no transcendental function. Tested in `tests/suite/generator.rs`.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Fills the cipher's key behind the seed; changing it changes every generated market.
const KEY: &[u8; 24] = b"carry generated market 1";
/// Standard deviation of the sum of four uniform 16-bit numbers: 65536 x sqrt(4 / 12).
const BELL_WIDTH: f64 = 37_837.227_251_6;
/// Mean of that sum: 4 x 65535 / 2.
const BELL_CENTRE: f64 = 131_070.0;

/// One named stream of a seed.
#[derive(Clone)]
pub(super) struct Noise {
    seed: u64,
    rng: ChaCha8Rng,
}

/// A stream as it is saved: the cipher's coordinates, not its buffer.
#[derive(Serialize, Deserialize)]
struct Saved {
    seed: u64,
    stream: u64,
    word: u64,
}

impl Noise {
    /// The stream of a seed with this name; `part` tells months of one name apart.
    pub(super) fn new(seed: u64, name: &[&str], part: u32) -> Self {
        Self::at(seed, stream_of(name, part))
    }

    fn at(seed: u64, stream: u64) -> Self {
        let mut key = [0_u8; 32];
        for (slot, byte) in key.iter_mut().zip(seed.to_le_bytes().iter().chain(KEY)) {
            *slot = *byte;
        }
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Self { seed, rng }
    }

    /// Mean 0, standard deviation 1, never beyond 3.47: the sum of four uniforms. Fat tails come from jumps, on purpose.
    pub(super) fn bell(&mut self) -> f64 {
        let mut rest = self.rng.next_u64();
        let mut sum = 0_u32;
        for _ in 0..4 {
            let [low, high, ..] = rest.to_le_bytes();
            sum += u32::from(u16::from_le_bytes([low, high]));
            rest >>= 16;
        }
        (f64::from(sum) - BELL_CENTRE) / BELL_WIDTH
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        let [.., e, f, g, h] = self.rng.next_u64().to_le_bytes();
        f64::from(u32::from_le_bytes([e, f, g, h])) / 4_294_967_296.0
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform whole number in [low, high); `low` when the range is empty.
    pub(super) fn whole(&mut self, low: u32, high: u32) -> u32 {
        let [.., e, f, g, h] = self.rng.next_u64().to_le_bytes();
        let span = u64::from(high.saturating_sub(low));
        let step = (u64::from(u32::from_le_bytes([e, f, g, h])) * span) >> 32;
        low.saturating_add(u32::try_from(step).unwrap_or(0))
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }
}

/// FNV-1a over the parts of a name.
fn stream_of(name: &[&str], part: u32) -> u64 {
    let separated = name.iter().flat_map(|text| text.bytes().chain([0]));
    separated
        .chain(part.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Serialize for Noise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = u64::try_from(self.rng.get_word_pos()).unwrap_or(u64::MAX);
        Saved { seed: self.seed, stream: self.rng.get_stream(), word }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Noise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Saved::deserialize(deserializer)?;
        if !saved.word.is_multiple_of(2) {
            return Err(D::Error::custom("a stream's word must be even: draws take two words each"));
        }
        let mut noise = Self::at(saved.seed, saved.stream);
        noise.rng.set_word_pos(u128::from(saved.word));
        Ok(noise)
    }
}

/// Doubles saved as their bits: JSON text would not always give the same double back.
pub(super) mod bits {
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the bits.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde fixes the signature")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.to_bits())
    }

    /// Reads the bits; a state with an infinity or no number in it is refused.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let value = f64::from_bits(u64::deserialize(deserializer)?);
        if value.is_finite() {
            Ok(value)
        } else {
            Err(serde::de::Error::custom("expected the bits of a finite number"))
        }
    }
}
