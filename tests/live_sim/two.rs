//! Pairs over two venues: spot at Binance, the shorts at Aster, each with books, a network and faults of its own.
//!
//! What is of the process or of its machine (kills, crashes, the clock) is drawn once; prices of both venues rise and fall
//! together. Seeds, draws and plans are apart from those of the other configurations.

use super::aster::translate;
use super::face::Face;
use super::game::{Game, There};
use super::plan::{Draws, Plan, Timed, What};
use super::world::{Report, run};

/// Plays one seed.
pub(crate) fn play(seed: u64, long: Option<bool>) -> Report {
    let (game, draws) = game(seed, long);
    run(seed, game, draws, None)
}

/// The game of one seed.
pub(crate) fn game(seed: u64, long: Option<bool>) -> (Game, Draws) {
    let mut draws = Draws::new(seed ^ 0x2be7_7e00);
    let mut game = Game { money: (60_000, 20_000), ..Game::chosen(seed, long, &mut draws, false) };
    let mut plan = Plan::of(seed, &mut Draws::new(seed ^ 0x2be7_7e01), false);
    plan.acts.retain(|timed| !is_of_the_process(&timed.what));
    for timed in &mut plan.acts {
        timed.at = timed.at * game.plan.until / plan.until;
    }
    (plan.until, plan.crash_every) = (game.plan.until, 0);
    let (here, there) = (rallies(&game.plan), rallies(&plan));
    for (of, more) in [(&mut game.plan, there), (&mut plan, here)] {
        of.acts.extend(more);
        of.acts.sort_by_key(|timed| timed.at);
    }
    translate(&mut plan);
    game.there = Some(There { face: Face::Aster, plan });
    (game, draws)
}

const fn is_of_the_process(what: &What) -> bool {
    matches!(what, What::Kill(_) | What::Keep | What::Restore(_) | What::Step(_) | What::Drift(_))
}

fn rallies(plan: &Plan) -> Vec<Timed> {
    let is_rally = |timed: &&Timed| matches!(&timed.what, What::Venue(text, _) if text.contains("\"rally\""));
    plan.acts.iter().filter(is_rally).cloned().collect()
}
