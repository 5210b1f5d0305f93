//! A program that runs beside the test, and what it prints, to wait for.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longer than anything takes; ends a test that would wait for ever.
const PATIENCE: Duration = Duration::from_secs(90);

/// A line, and when it was read.
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) at: Instant,
}

/// A running program; killed with the test.
pub(crate) struct Program {
    name: String,
    child: Child,
    out: Receiver<Line>,
    err: Receiver<Line>,
    /// What was passed over on standard error: it may be waited for yet.
    passed_over: RefCell<Vec<Line>>,
}

impl Program {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
        let out = lines(child.stdout.take().unwrap(), None);
        // Shown when the test fails.
        let err = lines(child.stderr.take().unwrap(), Some(name.to_owned()));
        Self {
            name: name.to_owned(),
            child,
            out,
            err,
            passed_over: RefCell::default(),
        }
    }

    /// The first line on standard output that is wanted; those before it are passed over.
    pub(crate) fn prints(&self, what: &str, wanted: impl Fn(&str) -> bool) -> Line {
        self.first(&self.out, what, wanted)
    }

    /// The first line on standard error that begins so and has not been waited for before; the order between different
    /// lines does not matter.
    pub(crate) fn reports(&self, what: &str) -> Line {
        let mut passed_over = self.passed_over.borrow_mut();
        if let Some(place) = passed_over
            .iter()
            .position(|line| line.text.starts_with(what))
        {
            return passed_over.remove(place);
        }
        loop {
            let line = self.first(&self.err, what, |_| true);
            if line.text.starts_with(what) {
                return line;
            }
            passed_over.push(line);
        }
    }

    fn first(&self, lines: &Receiver<Line>, what: &str, wanted: impl Fn(&str) -> bool) -> Line {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = lines
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("{} never said \"{what}\": {error}", self.name));
            if wanted(&line.text) {
                return line;
            }
        }
    }

    /// What else was printed on standard output until it ended.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.out.iter().map(|line| line.text).collect()
    }

    pub(crate) fn tell(&mut self, command: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{command}").unwrap();
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) {
        let done = Command::new("sh")
            .args(["-c", &format!("kill {}", self.child.id())])
            .status();
        assert!(done.unwrap().success(), "{} has ended before", self.name);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static, shown_as: Option<String>) -> Receiver<Line> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for text in BufReader::new(pipe).lines().map_while(Result::ok) {
            let at = Instant::now();
            if let Some(name) = &shown_as {
                eprintln!("{name}: {text}");
            }
            let _ = sender.send(Line { text, at });
        }
    });
    lines
}

/// A program of the project that is no part of this package; cargo puts tests into a folder below that of programs.
pub(crate) fn built(name: &str, variable: &str) -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().unwrap();
        test.ancestors().nth(2).unwrap().join(name)
    };
    let path = std::env::var_os(variable).map_or_else(beside, PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there: build {name}, or set {variable}",
        path.display()
    );
    path
}

/// Whether a tool of the machine can be run.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}
