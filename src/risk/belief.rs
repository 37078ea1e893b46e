//! Whether a price may be used, and for what: its age by the venue's own time, its witnesses, and what happens when they
//! contradict each other.
//!
//! Pure: a table of witnesses and bounds in, a price or the doubt out. A price that one source alone gives far from all
//! others enters nothing, moves no reduce and sells nothing; for warning and for moving our own money to safety the worse
//! one counts. Nothing here asks anybody or sends anything. Tests: at the end, and `tests/suite/belief.rs`.

use crate::domain::{Bps, Leg, Price, Span, WallTime};

/// What a price is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// An order that adds risk.
    Entry,
    /// An order that lowers risk or inequality.
    Reduce,
    /// Warning of a liquidation, and moving our own money against it.
    Margin,
    /// Selling a part of the position against a liquidation.
    Shrink,
    /// Showing what something is worth.
    Valuation,
}

/// A price with the venue's time of it, brought to our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The price.
    pub price: Price,
    /// When the venue says that it was so.
    pub at: WallTime,
}

/// What is known of one leg's price: its own book, and whoever else can say what it should be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witnesses {
    /// The leg: a higher mark is worse for a short one, a lower mark for a long one.
    pub leg: Leg,
    /// Mid of the leg's own book.
    pub own: Option<Seen>,
    /// Mid of the pair's other leg.
    pub other: Option<Seen>,
    /// Mark of the perp as the public stream gives it.
    pub mark: Option<Seen>,
    /// Index of the perp, from other venues.
    pub index: Option<Seen>,
    /// Mark of the perp in the venue's own list of our positions.
    pub listed: Option<Seen>,
}

/// How old, and how far apart, is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Oldest price for entries (`gates.max_age`).
    pub entry: Span,
    /// Oldest price for reduces (`gates.reduce_age`).
    pub reduce: Span,
    /// Oldest row of a list that is read every half minute.
    pub list: Span,
    /// How far ahead of our clock a time may be: clocks are compared to within this.
    pub ahead: Span,
    /// How far the two tellings of one mark, or mark and mid, may be from each other (`gates.mark_divergence`).
    pub apart: Bps,
    /// How far a book may be from the other leg or the index: a basis lies between them.
    pub far: Bps,
}

/// The list of positions is read every 30 s: one that fails is forgiven.
pub const LIST_AGE: Span = Span::seconds(75);
/// The venue's clock is known to well within this.
pub const AHEAD: Span = Span::seconds(5);

/// Why a price may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// There is none.
    Unknown,
    /// It is too old.
    Old {
        /// Its age.
        age: Span,
    },
    /// Its time lies in the future.
    Ahead {
        /// By so much.
        by: Span,
    },
    /// A witness says something else.
    Contradicted {
        /// What the witness says.
        by: Price,
        /// How far apart.
        apart: Bps,
    },
}

impl Witnesses {
    /// The price to use, or why none may be used. For `Margin` and `Shrink` it is the mark that the position is liquidated by.
    ///
    /// # Errors
    /// [`Doubt`].
    pub fn believe(&self, wanted: Use, now: WallTime, bounds: &Bounds) -> Result<Price, Doubt> {
        match wanted {
            Use::Entry => {
                let own = fresh(self.own, now, bounds.entry, bounds)?;
                for witness in [self.other, self.mark, self.index] {
                    agree(own, fresh(witness, now, bounds.entry, bounds), bounds.far)?;
                }
                fresh(self.other, now, bounds.entry, bounds).map(|_| own)
            }
            Use::Reduce => {
                let own = fresh(self.own, now, bounds.reduce, bounds)?;
                // An index against both books and the mark is the outlier (fault B16) and keeps no leg naked. A mark alone
                // backs no book: it follows the perp's own one, and both may leave every other market (faults B15, F12).
                let backs =
                    |seen| fresh(seen, now, bounds.entry, bounds).is_ok_and(|by| own.distance_bps(by) <= bounds.far);
                if !(backs(self.other) && backs(self.mark)) {
                    agree(own, fresh(self.index, now, bounds.entry, bounds), bounds.far)?;
                }
                Ok(own)
            }
            Use::Margin => self.worst(now, bounds).ok_or(Doubt::Unknown),
            Use::Shrink => self.supported(now, bounds).ok_or(Doubt::Unknown),
            Use::Valuation => self.mark.or(self.own).map(|seen| seen.price).ok_or(Doubt::Unknown),
        }
    }

    /// The worse of two prices for the leg; one that is not there is not worse.
    fn worse(&self, one: Option<Price>, other: Option<Price>) -> Option<Price> {
        match (self.leg, one, other) {
            (Leg::Long, Some(one), Some(other)) => Some(one.min(other)),
            (Leg::Long, one, other) => one.or(other),
            (Leg::Short, one, other) => one.max(other),
        }
    }

    /// The worst mark that a fresh source gives; when both are silent the perp's book, else the other leg's, else the last
    /// ones that were known.
    fn worst(&self, now: WallTime, bounds: &Bounds) -> Option<Price> {
        let young = |seen: Option<Seen>, age: Span| fresh(seen, now, age, bounds).ok();
        let any = |seen: Option<Seen>| seen.map(|seen| seen.price);
        let marks = self.worse(young(self.mark, bounds.entry), young(self.listed, bounds.list));
        let books = || young(self.own, bounds.entry).or_else(|| young(self.other, bounds.entry));
        marks.or_else(books).or_else(|| self.worse(any(self.mark), any(self.listed)).or_else(|| any(self.own)))
    }

    /// The worst mark that is not one source's word against all others. The account's list is the venue's own account of the
    /// very figure that liquidates: where it is fresh and better, it counts.
    fn supported(&self, now: WallTime, bounds: &Bounds) -> Option<Price> {
        let worst = self.worst(now, bounds)?;
        let listed = fresh(self.listed, now, bounds.list, bounds).ok();
        let as_bad = |price: Price| self.worse(Some(price), Some(worst)) == Some(price);
        let near = |price: Price| as_bad(price) || price.distance_bps(worst) <= bounds.apart;
        if let Some(listed) = listed
            && !near(listed)
        {
            return Some(listed);
        }
        let mark = fresh(self.mark, now, bounds.entry, bounds).ok();
        let others = [self.own, self.other, self.index].map(|seen| fresh(seen, now, bounds.entry, bounds).ok());
        let mut rest: Vec<Price> = others.into_iter().chain([mark, listed]).flatten().collect();
        // The worst one itself is among them: somebody else must be near it. Where the stream's mark contradicts the list, one
        // book beside the list may be wrong in the same way: then two must be near it.
        if let Some(place) = rest.iter().position(|price| *price == worst) {
            rest.swap_remove(place);
        }
        let needed = if listed.is_some() && mark.is_some_and(|mark| !near(mark)) { 2 } else { 1 };
        let backed = rest.iter().filter(|price| near(**price)).count() >= needed;
        if backed || rest.is_empty() {
            return Some(worst);
        }
        rest.into_iter().filter(|price| !near(*price)).fold(None, |worst, price| self.worse(worst, Some(price)))
    }

    /// Two fresh sources that contradict each other by more than their bound: the venue contradicts itself.
    #[must_use]
    pub fn contradiction(&self, now: WallTime, bounds: &Bounds) -> Option<Doubt> {
        let of = |seen: Option<Seen>, age: Span| fresh(seen, now, age, bounds).ok();
        let mark = of(self.mark, bounds.entry);
        // The list is compared when it comes: between two of them a market may move.
        let listed = of(self.listed, AHEAD);
        let index = of(self.index, bounds.entry);
        let pairs =
            [(mark, listed, bounds.apart), (mark, index, bounds.far), (of(self.own, bounds.entry), index, bounds.far)];
        pairs.into_iter().find_map(|(one, other, most)| agree(one?, Ok(other?), most).err())
    }
}

fn fresh(seen: Option<Seen>, now: WallTime, most: Span, bounds: &Bounds) -> Result<Price, Doubt> {
    let seen = seen.ok_or(Doubt::Unknown)?;
    let age = now.since(seen.at);
    if age > most {
        return Err(Doubt::Old { age });
    }
    let by = Span(-age.0);
    if by > bounds.ahead { Err(Doubt::Ahead { by }) } else { Ok(seen.price) }
}

/// Whether a witness that is there says about the same; one that is not there says nothing.
fn agree(price: Price, witness: Result<Price, Doubt>, most: Bps) -> Result<(), Doubt> {
    let Ok(by) = witness else { return Ok(()) };
    let apart = price.distance_bps(by);
    if apart > most && !crate::planted::is(crate::planted::Bug::OneWitness) {
        Err(Doubt::Contradicted { by, apart })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime(1_000_000_000);
    const BOUNDS: Bounds = Bounds {
        entry: Span::seconds(60),
        reduce: Span::seconds(120),
        list: LIST_AGE,
        ahead: AHEAD,
        apart: Bps::whole(200),
        far: Bps::whole(600),
    };

    /// Price and age in seconds; below zero is ahead of us.
    fn seen(what: Option<(i64, i64)>) -> Option<Seen> {
        what.map(|(price, age)| Seen {
            price: Price::from_units(price * 100_000_000).unwrap(),
            at: NOW - Span::seconds(age),
        })
    }

    type Row = [Option<(i64, i64)>; 5];

    fn witnesses([own, other, mark, index, listed]: Row) -> Witnesses {
        let (own, other, mark) = (seen(own), seen(other), seen(mark));
        Witnesses { leg: Leg::Short, own, other, mark, index: seen(index), listed: seen(listed) }
    }

    fn price(whole: i64) -> Price {
        Price::from_units(whole * 100_000_000).unwrap()
    }

    #[test]
    fn l03_a_price_is_used_by_its_age_for_each_use() {
        let check = |row: Row, wanted: Use, expected: Result<i64, &str>| {
            let found = witnesses(row).believe(wanted, NOW, &BOUNDS);
            let word = |doubt: Doubt| match doubt {
                Doubt::Unknown => "unknown",
                Doubt::Old { .. } => "old",
                Doubt::Ahead { .. } => "ahead",
                Doubt::Contradicted { .. } => "contradicted",
            };
            assert_eq!(found.map_err(word), expected.map(price), "{row:?} {wanted:?}");
        };
        let good = Some((100, 1));
        let all = [good; 5];
        for wanted in [Use::Entry, Use::Reduce, Use::Margin, Use::Shrink, Use::Valuation] {
            check(all, wanted, Ok(100));
            check([None; 5], wanted, Err("unknown"));
        }
        // Old for entries is young enough for a reduce, and too old is too old for both.
        check([Some((100, 90)), good, good, good, good], Use::Entry, Err("old"));
        check([Some((100, 90)), good, good, good, good], Use::Reduce, Ok(100));
        check([Some((100, 130)), good, good, good, good], Use::Reduce, Err("old"));
        // A time of tomorrow is not fresh, a second of clock error is nothing.
        check([Some((100, -86_400)), good, good, good, good], Use::Entry, Err("ahead"));
        check([Some((100, -86_400)), good, good, good, good], Use::Reduce, Err("ahead"));
        check([Some((100, -1)), good, good, good, good], Use::Entry, Ok(100));
        // An entry needs both legs, a reduce its own.
        check([good, None, good, good, None], Use::Entry, Err("unknown"));
        check([good, None, None, None, None], Use::Reduce, Ok(100));
        // A witness that is not there says nothing; one that is there and contradicts stops both.
        check([good, good, None, None, None], Use::Entry, Ok(100));
        check([good, good, good, Some((107, 1)), None], Use::Entry, Err("contradicted"));
        check([good, None, None, Some((107, 1)), None], Use::Reduce, Err("contradicted"));
        check([Some((107, 1)), good, good, good, None], Use::Reduce, Err("contradicted"));
        // Three agree and the index is the outlier (B16); two are not enough.
        check([good, good, good, Some((1_000, 1)), None], Use::Reduce, Ok(100));
        check([good, None, good, Some((107, 1)), None], Use::Reduce, Err("contradicted"));
        check([good, good, None, Some((107, 1)), None], Use::Reduce, Err("contradicted"));
        // Perp and its mark leave every other market together (B15): nothing is bought back there (F12).
        check([Some((300, 1)), good, Some((300, 1)), good, None], Use::Reduce, Err("contradicted"));
        check([good, good, Some((107, 1)), good, None], Use::Entry, Err("contradicted"));
        check([good, good, Some((107, 1)), good, None], Use::Reduce, Ok(100));
        check([good, good, good, Some((107, 300)), None], Use::Reduce, Ok(100));
        // A basis of three percent is no contradiction.
        check([good, Some((103, 1)), Some((103, 1)), good, None], Use::Entry, Ok(100));
    }

    #[test]
    fn l21_the_worse_counts_for_margin_and_one_source_alone_sells_nothing() {
        let check = |row: Row, margin: i64, shrink: i64| {
            let of = |wanted| witnesses(row).believe(wanted, NOW, &BOUNDS).ok();
            assert_eq!((of(Use::Margin), of(Use::Shrink)), (Some(price(margin)), Some(price(shrink))), "{row:?}");
        };
        let good = Some((100, 1));
        check([good; 5], 100, 100);
        // The streamed mark alone is far off: warned of, not sold on.
        check([good, good, Some((170, 1)), good, good], 170, 100);
        check([good, good, Some((170, 1)), good, None], 170, 100);
        // The list alone is far off: the same.
        check([good, good, good, good, Some((170, 1))], 170, 100);
        // The stream froze: the list and the other book know.
        check([Some((100, 90)), Some((149, 1)), Some((100, 90)), Some((100, 90)), Some((150, 20))], 150, 150);
        // Everything froze but the list.
        check([Some((100, 90)), Some((100, 90)), Some((100, 90)), Some((100, 90)), Some((150, 20))], 150, 150);
        // Everything froze, the list too: the worst of what was known last.
        check([Some((100, 90)), None, Some((101, 90)), None, Some((102, 500))], 102, 102);
        // All streamed prices far off together: the list knows better.
        check([Some((170, 1)), Some((170, 1)), Some((170, 1)), Some((170, 1)), Some((100, 20))], 170, 100);
        // The venue means it: mark and list agree.
        check([good, good, Some((170, 1)), good, Some((170, 1))], 170, 170);
        // Mark stream before its first message: the book stands for it.
        check([good, good, None, None, None], 100, 100);
    }

    #[test]
    fn b10_a_list_and_one_book_that_are_wrong_alike_sell_nothing() {
        let shrink = |row: Row| witnesses(row).believe(Use::Shrink, NOW, &BOUNDS);
        let (good, far) = (Some((100, 1)), Some((170, 1)));
        // The stream's mark, the index and the other book say otherwise.
        assert_eq!(shrink([good, far, good, good, far]), Ok(price(100)));
        assert_eq!(shrink([far, good, good, good, far]), Ok(price(100)));
        // Both books are with the list, and the stream's mark lags.
        assert_eq!(shrink([far, far, good, good, far]), Ok(price(170)));
    }

    #[test]
    fn b15_a_venue_that_contradicts_itself_is_noticed() {
        let check = |row: Row, expected: bool| {
            assert_eq!(witnesses(row).contradiction(NOW, &BOUNDS).is_some(), expected, "{row:?}");
        };
        let good = Some((100, 1));
        check([good; 5], false);
        check([good, good, Some((103, 1)), good, good], true);
        check([good, good, Some((103, 1)), good, None], false);
        check([good, good, good, Some((107, 1)), good], true);
        check([good, good, good, good, Some((103, 1))], true);
        // The list is half a minute old: a market may have moved since.
        check([good, good, good, good, Some((103, 30))], false);
        check([good, good, Some((103, 90)), good, good], false);
        check([None; 5], false);
    }
}
