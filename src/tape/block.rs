//! One block of a tape file: a head that Zstandard skips, then one Zstandard frame of JSON lines.
//!
//! The head is a "skippable frame" of the Zstandard format (RFC 8878, section 3.1.2), so a file of blocks is a valid
//! Zstandard file. Pure: bytes in, bytes out. Tests stand at the end of this file.
//!
//! | bytes | little-endian field |
//! |---|---|
//! | 0..4 | `0x184D2A5C`, a skippable frame |
//! | 4..8 | length of the rest of the head, 28 |
//! | 8..12 | kind: 1 header, 2 events, 3 trailer |
//! | 12..16 | bytes of the unpacked payload |
//! | 16..20 | bytes of the packed payload |
//! | 20..24 | number of lines |
//! | 24..32 | number of the first event, 0 for header and trailer |
//! | 32..36 | CRC-32 of bytes 8..32 and the packed payload |

use super::{Damage, TapeError};
use crate::domain::Sequence;

/// Bytes of a head.
pub(super) const HEAD: usize = 36;
const MAGIC: u32 = 0x184D_2A5C;
const SKIPPED: u32 = 28;
/// Most bytes of an unpacked payload. A catalogue of a thousand instruments takes about one megabyte; a larger number in a
/// head is damage, not a reason to allocate (fault X06).
pub(super) const MAX_PAYLOAD: usize = 16 << 20;
/// Fast and, on quotes, within a tenth of the size of the next level up.
const LEVEL: i32 = 1;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The run, first in each file.
    Header,
    /// Events, one a line.
    Events,
    /// The digest, last in a completed tape.
    Trailer,
}

impl Kind {
    const fn code(self) -> u32 {
        match self {
            Self::Header => 1,
            Self::Events => 2,
            Self::Trailer => 3,
        }
    }

    const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Header),
            2 => Some(Self::Events),
            3 => Some(Self::Trailer),
            _ => None,
        }
    }
}

/// A block whose checksum matches, still packed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// What it holds.
    pub(super) kind: Kind,
    /// Lines in it.
    pub(super) count: u32,
    /// Number of its first event.
    pub(super) first: Sequence,
    unpacked: usize,
    packed: &'a [u8],
}

/// The sizes in a head, believed only as far as needed to find the end of the block.
pub(super) fn payload_len(head: &[u8]) -> Result<usize, Damage> {
    let (Some(magic), Some(skipped), Some(packed)) = (u32_at(head, 0), u32_at(head, 4), u32_at(head, 16)) else {
        return Err(Damage::Cut);
    };
    let packed = usize::try_from(packed).unwrap_or(usize::MAX);
    if magic != MAGIC || skipped != SKIPPED || packed > MAX_PAYLOAD { Err(Damage::Head) } else { Ok(packed) }
}

impl<'a> Block<'a> {
    /// The block at the start of `bytes` and its length.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<(Self, usize), Damage> {
        let head = bytes.get(..HEAD).ok_or(Damage::Cut)?;
        let end = HEAD + payload_len(head)?;
        let packed = bytes.get(HEAD..end).ok_or(Damage::Cut)?;
        let field = |at| u32_at(head, at).ok_or(Damage::Cut);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(head.get(8..32).unwrap_or_default());
        checksum.update(packed);
        if checksum.finalize() != field(32)? {
            return Err(Damage::Checksum);
        }
        let unpacked = usize::try_from(field(12)?).unwrap_or(usize::MAX);
        let kind = Kind::from_code(field(8)?).ok_or(Damage::Head)?;
        if unpacked > MAX_PAYLOAD {
            return Err(Damage::Head);
        }
        let first = Sequence(u64::from(field(24)?) | u64::from(field(28)?) << 32);
        Ok((Self { kind, count: field(20)?, first, unpacked, packed }, end))
    }

    /// The payload.
    pub(super) fn unpack(&self) -> Result<Vec<u8>, Damage> {
        let bytes = zstd::bulk::decompress(self.packed, self.unpacked).map_err(|_| Damage::Content)?;
        if bytes.len() == self.unpacked { Ok(bytes) } else { Err(Damage::Content) }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    four.try_into().ok().map(u32::from_le_bytes)
}

/// Packs payloads into blocks; keeps the compressor's tables between blocks.
pub(super) struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    block: Vec<u8>,
}

impl Packer {
    /// A packer.
    pub(super) fn new() -> Result<Self, TapeError> {
        let compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|error| unpackable(&error))?;
        Ok(Self { compressor, block: Vec::new() })
    }

    /// The bytes of a block, valid until the next call.
    pub(super) fn pack(&mut self, kind: Kind, lines: &[u8], first: Sequence, count: u32) -> Result<&[u8], TapeError> {
        let unpacked = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        if lines.len() > MAX_PAYLOAD {
            return Err(TapeError::Encode { reason: format!("{} bytes are more than a block holds", lines.len()) });
        }
        let packed = self.compressor.compress(lines).map_err(|error| unpackable(&error))?;
        let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
        self.block.clear();
        for field in [MAGIC, SKIPPED, kind.code(), unpacked, length, count] {
            self.block.extend_from_slice(&field.to_le_bytes());
        }
        self.block.extend_from_slice(&first.0.to_le_bytes());
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(self.block.get(8..).unwrap_or_default());
        checksum.update(&packed);
        self.block.extend_from_slice(&checksum.finalize().to_le_bytes());
        self.block.extend_from_slice(&packed);
        Ok(&self.block)
    }
}

fn unpackable(error: &std::io::Error) -> TapeError {
    TapeError::Encode { reason: error.to_string() }
}

/// Whether a readable block begins anywhere after `from`: then damage at `from` is not the end of an interrupted write.
///
/// Looks for the first four bytes of a head and then checks the whole block, so it takes time only at real candidates.
pub(super) fn readable_after(bytes: &[u8], from: usize) -> bool {
    let magic = MAGIC.to_le_bytes();
    let rest = bytes.get(from + 1..).unwrap_or_default();
    rest.windows(magic.len())
        .enumerate()
        .filter(|(_, window)| *window == magic)
        .any(|(place, _)| rest.get(place..).is_some_and(|candidate| Block::parse(candidate).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn sample() -> Vec<u8> {
        let mut packer = Packer::new().unwrap();
        packer.pack(Kind::Events, b"{\"a\":1}\n{\"a\":2}\n", Sequence(7), 2).unwrap().to_vec()
    }

    #[test]
    fn a_block_unpacks_to_what_was_packed() {
        let bytes = sample();
        let (block, length) = Block::parse(&bytes).unwrap();
        assert_eq!((block.kind, block.count, block.first, length), (Kind::Events, 2, Sequence(7), bytes.len()));
        assert_eq!(block.unpack().unwrap(), b"{\"a\":1}\n{\"a\":2}\n");
    }

    #[test]
    fn two_blocks_are_one_valid_zstandard_file() {
        let mut both = sample();
        both.extend(sample());
        let mut text = String::new();
        zstd::Decoder::new(both.as_slice()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"a\":1}\n{\"a\":2}\n".repeat(2));
    }

    #[test]
    fn g21_no_changed_bit_and_no_cut_goes_unseen() {
        let good = sample();
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[place] ^= 1 << bit;
                assert!(Block::parse(&bytes).is_err(), "bit {bit} of byte {place}");
            }
            assert_eq!(Block::parse(&good[..place]).err(), Some(Damage::Cut), "cut at {place}");
        }
    }

    #[test]
    fn x06_a_head_that_promises_gigabytes_is_damage_and_allocates_nothing() {
        let mut bytes = sample();
        bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Block::parse(&bytes).err(), Some(Damage::Head));
        let mut packer = Packer::new().unwrap();
        assert!(packer.pack(Kind::Events, &vec![0; MAX_PAYLOAD + 1], Sequence(0), 1).is_err());
    }

    #[test]
    fn a_readable_block_behind_damage_is_found() {
        let mut bytes = vec![1, 2, 3];
        assert!(!readable_after(&bytes, 0));
        bytes.extend(sample());
        assert!(readable_after(&bytes, 0));
        bytes.pop();
        assert!(!readable_after(&bytes, 0));
    }
}
