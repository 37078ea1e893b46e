//! The same seeds on Aster: listen keys on both markets, no executions in answers, another transfer, proof by an agent's wallet.

use super::face::Face;
use super::game::Game;
use super::plan::{Draws, Plan, What};
use super::world::{Report, run};

/// Plays one seed.
pub(crate) fn play(seed: u64, long: Option<bool>) -> Report {
    let mut draws = Draws::new(seed);
    let mut game = Game { face: Face::Aster, ..Game::chosen(seed, long, &mut draws, false) };
    translate(&mut game.plan);
    run(seed, game, draws, None)
}

/// Paths of its perp host have another version.
pub(crate) fn translate(plan: &mut Plan) {
    for timed in &mut plan.acts {
        match &mut timed.what {
            What::Order(text, _) => *text = text.replace("/fapi/v1/order", "/fapi/v3/order"),
            What::Refuse(refusing) if refusing.path == "/fapi/v1/order" => refusing.path = "/fapi/v3/order",
            _ => {}
        }
    }
}
