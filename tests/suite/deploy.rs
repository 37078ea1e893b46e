//! What is shipped to run it: the image's build inputs, the two units, and that their commands stay up, stop and go on
//! (finding U01). No engine and no service manager runs here; `.ci/long` makes the image's own steps in a clean folder.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests stop at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "tests look at the environment of the machine that checks")]

use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const UNITS: [&str; 2] = ["carry-paper.service", "carry-live@.service"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// A tool of the system: where it is missing the test says so, and the build machine must have it.
fn has(tool: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(tool).is_file());
    assert!(found || std::env::var("CI").is_err(), "{tool} is missing; .ci/run installs it");
    if !found {
        eprintln!("skipped: {tool} is missing");
    }
    found
}

/// Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// `src/cli` and `../../config/carry.toml` are `config/carry.toml`.
fn joined(folder: &Path, relative: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in folder.join(relative).components() {
        match part {
            Component::ParentDir => assert!(path.pop()),
            other => path.push(other),
        }
    }
    path
}

/// Files of the repository that a build reads beside the modules: included ones, and the roots of every target.
fn inputs() -> Vec<PathBuf> {
    let mut inputs = vec![PathBuf::from("Cargo.toml"), PathBuf::from("Cargo.lock")];
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let file = file.strip_prefix(root()).unwrap().to_owned();
        for include in ["include_str!(", "include_bytes!(", "include!("] {
            for (at, _) in text.match_indices(include) {
                let argument = text[at + include.len()..].split(')').next().unwrap().trim();
                // What `build.rs` makes is no input.
                if !argument.contains("OUT_DIR") {
                    inputs.push(joined(file.parent().unwrap(), argument.trim_matches('"')));
                }
            }
        }
        inputs.push(file);
    }
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    for (kind, folder) in [("bench", "benches"), ("test", "tests"), ("example", "examples")] {
        for target in manifest.get(kind).and_then(toml::Value::as_array).into_iter().flatten() {
            let name = target["name"].as_str().unwrap();
            let alone = PathBuf::from(format!("{folder}/{name}.rs"));
            inputs.push(if root().join(&alone).exists() { alone } else { format!("{folder}/{name}/main.rs").into() });
        }
    }
    if root().join("build.rs").exists() {
        inputs.push("build.rs".into());
    }
    inputs
}

#[test]
fn u01_the_image_copies_every_file_that_the_build_reads() {
    let dockerfile = read("deploy/Dockerfile");
    let stage = dockerfile.split("\nFROM ").next().unwrap();
    let stage = dockerfile.split("\nFROM ").nth(1).unwrap_or(stage);
    let copied: Vec<&str> = stage
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .flat_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[..words.len() - 1].to_vec()
        })
        .collect();
    assert!(copied.len() >= 5, "{copied:?}");
    let ignore = read(".dockerignore");
    let let_in: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert_eq!(ignore.lines().next(), Some("*"), "what is not named stays out");
    let inside = |path: &Path, places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let inputs = inputs();
    assert!(inputs.iter().any(|path| path.ends_with("page.css")) && inputs.len() > 100, "{}", inputs.len());
    for path in &inputs {
        assert!(root().join(path).is_file(), "{} is not there", path.display());
        assert!(inside(path, &copied), "deploy/Dockerfile does not copy {}", path.display());
        assert!(inside(path, &let_in), ".dockerignore keeps {} out", path.display());
    }
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.contains("--from"))
    {
        let from = line.split_whitespace().next().unwrap();
        assert!(root().join(from).exists() && inside(Path::new(from), &let_in), "{from}");
    }
}

/// A root folder with the units, the system's targets and programs, and the binary in its place.
fn staged() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let units = place.path().join("etc/systemd/system");
    let bin = place.path().join("usr/local/bin");
    let system = place.path().join("bin");
    for folder in [&units, &bin, &system] {
        std::fs::create_dir_all(folder).unwrap();
    }
    for unit in UNITS {
        std::fs::copy(root().join("deploy").join(unit), units.join(unit)).unwrap();
    }
    for file in std::fs::read_dir("/usr/lib/systemd/system").unwrap().map(Result::unwrap) {
        let path = file.path();
        if path.extension().is_some_and(|extension| extension == "target") && path.is_file() {
            std::fs::copy(&path, units.join(file.file_name())).unwrap();
        }
    }
    // With what the units call of the system.
    std::fs::copy("/bin/kill", system.join("kill")).unwrap();
    let to = bin.join("carry");
    if std::fs::hard_link(env!("CARGO_BIN_EXE_carry"), &to).is_err() {
        std::fs::copy(env!("CARGO_BIN_EXE_carry"), to).unwrap();
    }
    place
}

fn analyze(place: &Path, words: &[&str]) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    let run = command.arg(words[0]).arg(format!("--root={}", place.display())).args(&words[1..]).output().unwrap();
    (run.status.success(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
}

#[test]
fn u01_systemd_finds_nothing_wrong_with_the_units() {
    if !has("systemd-analyze") {
        return;
    }
    let place = staged();
    for unit in ["carry-paper.service", "carry-live@main.service"] {
        let (passed, said) = analyze(place.path(), &["verify", unit]);
        assert!(passed && said.is_empty(), "{unit}: {said}");
        // Exposure is told in tenths: 2.0 of 10, which systemd itself calls OK.
        let (passed, said) =
            analyze(place.path(), &["security", "--offline=yes", "--threshold=20", "--no-pager", unit]);
        assert!(passed, "{unit}: {said}");
        eprintln!("{}", said.lines().last().unwrap_or_default());
    }
    // The check can fail: a word that systemd does not know.
    let broken = place.path().join("etc/systemd/system/carry-paper.service");
    let text = std::fs::read_to_string(&broken).unwrap().replace("KillMode=", "KilMode=");
    std::fs::write(&broken, text).unwrap();
    let (_, said) = analyze(place.path(), &["verify", "carry-paper.service"]);
    assert!(said.contains("KilMode"), "{said}");
}

/// Values of a key in a unit, in order.
fn values(unit: &str, key: &str) -> Vec<String> {
    let line = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    read(&format!("deploy/{unit}")).lines().filter_map(line).collect()
}

#[test]
fn u01_a_unit_starts_again_where_that_can_help_and_stays_down_where_it_cannot() {
    for unit in UNITS {
        let one = |key: &str| values(unit, key).first().cloned().unwrap_or_default();
        assert_eq!(one("Restart"), "on-failure", "{unit}");
        // Usage, difference, refused, in doubt, already running. Not 1 and 5: a venue comes back.
        assert_eq!(one("RestartPreventExitStatus"), "2 3 4 6 7", "{unit}");
        assert_eq!(one("StartLimitIntervalSec"), "0", "{unit}: it never gives up while a venue is away");
        assert_eq!((one("KillSignal"), one("KillMode")), ("SIGTERM".to_owned(), "mixed".to_owned()), "{unit}");
        let state = one("StateDirectory");
        assert!(one("ExecStart").contains(&format!("--state /var/lib/{state}")), "{unit}: the state is kept");
    }
    let stop: u64 = values("carry-live@.service", "TimeoutStopSec")[0].parse().unwrap();
    assert!(stop > 60, "a pair half open has 60 seconds, and the process some to write");
    let live = values("carry-live@.service", "LoadCredential");
    assert_eq!(live, ["carry-%i:/etc/carry/keys/%i.json"], "the key comes as a credential alone");
    let secret = |text: &str| ["SetCredential", "CARRY__", "PASSWORD", "SECRET"].iter().any(|word| text.contains(word));
    assert!(UNITS.iter().all(|unit| !secret(&read(&format!("deploy/{unit}")))));
}

/// A command of what is shipped with its places put into a scratch folder.
struct Shipped {
    place: tempfile::TempDir,
    words: Vec<String>,
    user: Option<u32>,
}

impl Shipped {
    fn new(words: &[String], user: Option<u32>) -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let bin = place.path().join("carry");
        if std::fs::hard_link(env!("CARGO_BIN_EXE_carry"), &bin).is_err() {
            std::fs::copy(env!("CARGO_BIN_EXE_carry"), &bin).unwrap();
        }
        std::fs::create_dir(place.path().join("etc")).unwrap();
        std::fs::copy(root().join("config/carry.toml"), place.path().join("etc/carry.toml")).unwrap();
        let state = place.path().join("state");
        std::fs::create_dir(&state).unwrap();
        if let Some(user) = user {
            std::os::unix::fs::chown(&state, Some(user), Some(user)).unwrap();
        }
        let here = |path: &str| place.path().join(path).display().to_string();
        let words = words.iter().map(|word| {
            let word = word.replace("/usr/local/bin/carry", &here("carry")).replace("/etc/carry", &here("etc"));
            word.replace("/var/lib/carry", &here("state"))
        });
        let words = words.collect();
        Self { place, words, user }
    }

    fn state(&self) -> PathBuf {
        self.place.path().join("state/paper")
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = match self.user {
            None => Command::new(&words[0]),
            Some(user) => {
                let mut command = Command::new("setpriv");
                let user = user.to_string();
                command.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--no-new-privs", "--"]);
                command.arg(&words[0]);
                command
            }
        };
        // As a service manager or an engine starts it: an empty environment and the root folder.
        command
            .args(&words[1..])
            .env_clear()
            .env("RUST_LOG", "warn,carry=info")
            .env("JOURNAL_STREAM", "8:1")
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }

    fn starts(&self) -> Child {
        let mut command = self.command(&self.words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        for _ in 0..3_000 {
            if std::os::unix::net::UnixStream::connect(self.state().join("control.sock")).is_ok() {
                return child;
            }
            let over = child.try_wait().unwrap().is_some();
            assert!(!over, "it ended: {}", ended(child).1);
            carry::net::machine_clock::wait(Duration::from_millis(10));
        }
        panic!("it never listened");
    }

    fn status(&self) -> Value {
        let words = [self.words[0].clone(), "status".into(), self.state().display().to_string(), "--json".into()];
        let run = self.command(&words).output().unwrap();
        serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&run.stderr)))
    }
}

/// Exit code and everything that was said.
fn ended(child: Child) -> (Option<i32>, String) {
    let run = child.wait_with_output().unwrap();
    (run.status.code(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
}

fn tell(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// It is up, is up still after longer than the old one lasted, stops when told, goes on after that and after a kill.
fn stays_up(shipped: &Shipped) {
    let mut child = shipped.starts();
    for _ in 0..400 {
        assert!(child.try_wait().unwrap().is_none(), "it did not stay up");
        carry::net::machine_clock::wait(Duration::from_millis(10));
    }
    assert_eq!(shipped.status()["boots"], 1);
    tell(&child, "-TERM");
    let (code, said) = ended(child);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("nothing is lost, the same command goes on"), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours where no terminal is: {said}");
    assert!(said.lines().any(|line| line.starts_with("<4>")), "the journal is told the level: {said}");

    let child = shipped.starts();
    tell(&child, "-KILL");
    assert_eq!(ended(child).0, None);
    let child = shipped.starts();
    let status = shipped.status();
    assert_eq!((&status["boots"], &status["finished"]), (&Value::from(3), &Value::from(false)), "{status}");
    tell(&child, "-TERM");
    assert_eq!(ended(child).0, Some(0));
}

#[test]
fn u01_the_paper_unit_stays_up_stops_and_goes_on() {
    let environment = values("carry-paper.service", "Environment");
    let arguments = environment[0].trim_matches('"').strip_prefix("CARRY_PAPER=").unwrap();
    let line = values("carry-paper.service", "ExecStart")[0].replace("$CARRY_PAPER", arguments);
    stays_up(&Shipped::new(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), None));
}

#[test]
fn u01_the_image_stays_up_as_its_own_user() {
    let dockerfile = read("deploy/Dockerfile");
    let list = |key: &str| -> Vec<String> {
        let line = dockerfile.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let user: u32 =
        dockerfile.lines().find_map(|line| line.strip_prefix("USER ")?.split(':').next()).unwrap().parse().unwrap();
    assert!(user > 0 && dockerfile.contains(&format!("--uid {user} ")));
    let words = [list("ENTRYPOINT "), list("CMD ")].concat();
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !root {
        eprintln!("not root: run as this user instead of {user}");
    }
    let other = root && has("setpriv");
    stays_up(&Shipped::new(&words, other.then_some(user)));
}

#[test]
fn u01_the_live_unit_asks_for_its_key_as_a_credential_and_does_not_start_again_without() {
    let line = values("carry-live@.service", "ExecStart")[0].replace("%i", "main");
    let shipped = Shipped::new(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), None);
    let credentials = tempfile::tempdir().unwrap();
    let run = shipped.command(&shipped.words).env("CREDENTIALS_DIRECTORY", credentials.path()).output().unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(
        said.contains("there is no key main") && said.contains(&credentials.path().display().to_string()),
        "{said}"
    );
    let code = run.status.code().unwrap().to_string();
    let stays_down = values("carry-live@.service", "RestartPreventExitStatus")[0].clone();
    assert!(stays_down.split(' ').any(|one| one == code), "{code} of {stays_down}: {said}");
}

#[test]
fn u17_one_script_makes_the_release_archive() {
    let place = tempfile::tempdir().unwrap();
    // A stand-in of some bytes that is the binary in all but size: what is tested here is the packing.
    let binary = place.path().join("carry");
    std::fs::write(&binary, format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_carry"))).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    let out = place.path().join("out");
    let pack = || {
        let mut command = Command::new(root().join("deploy/release.sh"));
        let run = command.arg("--binary").arg(&binary).env("CARRY_RELEASE_DIR", &out).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        PathBuf::from(String::from_utf8(run.stdout).unwrap().trim().to_owned())
    };
    let archive = pack();
    let bytes = std::fs::read(&archive).unwrap();
    let mut names = Vec::new();
    let mut sums = String::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice())).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let inside: PathBuf = path.components().skip(1).collect();
        if inside == Path::new("SHA256SUMS") {
            std::io::Read::read_to_string(&mut entry, &mut sums).unwrap();
        }
        names.push(inside.display().to_string());
    }
    for wanted in [
        "bin/carry",
        "share/bash-completion/completions/carry",
        "share/zsh/site-functions/_carry",
        "share/fish/vendor_completions.d/carry.fish",
        "share/doc/carry/LICENSE-MIT",
        "share/doc/carry/LICENSE-APACHE",
        "share/doc/carry/deploy/manual/live.md",
        "share/carry/deploy/carry-paper.service",
        "share/carry/deploy/carry-live@.service",
        "share/carry/deploy/prometheus/carry.rules.yml",
        "share/carry/deploy/grafana/carry.json",
        "share/carry/config/carry.toml",
        "share/carry/strategies/anchor.toml",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not in {names:?}");
        assert!(sums.contains(&format!("  ./{wanted}\n")), "{wanted} has no checksum: {sums}");
    }
    let mut check = Command::new("sha256sum");
    let name = format!("{}.sha256", archive.file_name().unwrap().to_str().unwrap());
    assert!(check.args(["--check", "--quiet", &name]).current_dir(&out).status().unwrap().success());
    pack();
    assert_eq!(std::fs::read(&archive).unwrap(), bytes, "packed again it is the same");
}
