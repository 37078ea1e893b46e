//! Other settings at one instant: what a person changed in the files of a running session.
//!
//! They are in the event whole, so a replay takes the same ones. Nothing is decided here: each pair is looked at again by what
//! follows. Tests: `tests/commands/reload.rs`.

use super::state::State;
use crate::config::change::settings_of;
use crate::port::reload::Reload;

/// Takes them. Texts that are no settings of this program change nothing: a session writes none such.
pub fn take(state: &mut State, reload: &Reload) {
    let Ok(mut settings) = settings_of(&reload.values) else { return };
    if reload.capped {
        settings.within_consent();
    }
    // Pairs of the universe are those that the start named: texts do not say them.
    if settings.strategy.auto {
        let pairs = std::mem::take(&mut state.settings.strategy.pairs);
        settings.change(|own| own.strategy.pairs.clone_from(&pairs));
    }
    state.settings = settings;
    state.strategy = Some(reload.strategy.clone());
    let State { pairs, settings, catalogue, .. } = state;
    for pair in pairs {
        pair.refresh_costs(settings, catalogue);
        pair.at_rest = false;
    }
}
