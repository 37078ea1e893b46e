//! What a crash of the program says and leaves: where it was, and never with what (faults X10, X11).
//!
//! A panic's own text may quote a value, so it is left out; the place is enough to find the cause. Memory holds keys, so it
//! is not dumped to disk. Tests: at the end, and `tests/commands/keys.rs`.

use std::panic::PanicHookInfo;

/// The text of a crash: the place in the source, without the message and without arguments.
#[must_use]
pub fn text(info: &PanicHookInfo<'_>) -> String {
    let place =
        info.location().map_or_else(|| "an unknown place".to_owned(), |at| format!("{}:{}", at.file(), at.line()));
    format!(
        "carry: stopped by a mistake of its own at {place}; orders at the venue stay as they are; please report the place"
    )
}

/// Makes every crash of this process say that text on standard error, and leave no core dump.
pub fn install() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Lowering a limit of one's own is always allowed; if it were not, nothing else would be lost.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    // Through the log's queue: a standard error that nobody reads must not hold a crash up.
    std::panic::set_hook(Box::new(|info| super::log::last_word(&text(info))));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    #[test]
    fn x10_a_crash_repeats_no_value() {
        let said = Arc::new(Mutex::new(String::new()));
        let to = Arc::clone(&said);
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| to.lock().unwrap().push_str(&super::text(info))));
        let secret = "canary-of-the-crash";
        let result = std::panic::catch_unwind(|| panic!("the key {secret} is wrong"));
        std::panic::set_hook(usual);
        assert!(result.is_err());
        let said = said.lock().unwrap();
        assert!(said.contains("observe/panic.rs:") && !said.contains("canary"), "{said}");
    }
}
