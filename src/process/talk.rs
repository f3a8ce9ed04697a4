//! A program that is asked more than once: its streams stay open between the questions.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::capture::{Bound, Capture};
use super::child::{Child, Stdin};
use super::error::ProcessError;
use super::invocation::Invocation;
use super::run::Captured;

/// How often it is asked whether to go on.
const LOOK: Duration = Duration::from_millis(100);
/// How long a program has to end once nobody speaks with it any more.
const FAREWELL: Duration = Duration::from_secs(3);

/// A running program with pipes to it. Dropping it closes them, and does not wait.
#[derive(Debug)]
pub struct Talk {
    child: Child,
    /// `None` once something went wrong.
    pipes: Option<(PipeWriter, BufReader<PipeReader>)>,
    stderr: Capture,
    line: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Silence {
    /// The program was killed for this reason, or it cannot be waited for.
    Failed(ProcessError),
    /// Its answer could not be read: most likely it has ended, and [`Talk::end`] says how.
    Unread(io::Error),
}

type Told<T> = (
    Result<T, Silence>,
    Option<(PipeWriter, BufReader<PipeReader>)>,
);

impl Talk {
    /// Starts a program. The invocation's own input is not used.
    pub fn begin(invocation: &Invocation) -> Result<Self, ProcessError> {
        let (child, pipes) = Child::spawn(invocation, Stdin::Produced)?;
        let line = invocation.to_string();
        let failed = |source| {
            child.group().kill();
            ProcessError::Spawn {
                invocation: line.clone(),
                source,
            }
        };
        let stderr = Capture::start(pipes.stderr, child.group(), Bound::Ends).map_err(failed)?;
        let stdin = pipes
            .stdin
            .ok_or_else(|| failed(io::Error::other("it has no standard input")))?;
        Ok(Self {
            child,
            pipes: Some((stdin, BufReader::new(pipes.stdout))),
            stderr,
            line,
        })
    }

    /// Asks, and reads the answer, on a thread of its own.
    ///
    /// When the question cannot be produced, or the time is over, or `go_on` says no, the program is killed
    /// before its input closes, so that half of a question is never taken for the whole.
    pub fn exchange<T: Send + 'static>(
        &mut self,
        limit: Duration,
        go_on: &dyn Fn() -> bool,
        ask: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
        hear: impl FnOnce(&mut dyn BufRead) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Silence> {
        let Some((mut stdin, mut stdout)) = self.pipes.take() else {
            return Err(Silence::Unread(io::ErrorKind::BrokenPipe.into()));
        };
        let (group, line) = (self.child.group(), self.line.clone());
        let (sender, told) = mpsc::channel();
        let work = move || {
            let asked = ask(&mut stdin).and_then(|()| stdin.flush());
            let heard = match asked {
                // A program that reads no further says why in its answer, or by its end.
                Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
                    group.kill();
                    let invocation = line;
                    Err(Silence::Failed(ProcessError::Feed { invocation, source }))
                }
                Ok(()) | Err(_) => hear(&mut stdout).map_err(Silence::Unread),
            };
            // Nobody listens any more after the deadline.
            sender.send((heard, Some((stdin, stdout)))).ok();
        };
        let started = thread::Builder::new().name("talk".to_owned()).spawn(work);
        if let Err(source) = started {
            self.child.group().kill();
            let invocation = self.line.clone();
            return Err(Silence::Failed(ProcessError::Spawn { invocation, source }));
        }
        let (heard, pipes) = self.wait(&told, limit, go_on);
        if heard.is_ok() {
            self.pipes = pipes;
        }
        heard
    }

    fn wait<T>(
        &self,
        told: &Receiver<Told<T>>,
        limit: Duration,
        go_on: &dyn Fn() -> bool,
    ) -> Told<T> {
        let deadline = Instant::now() + limit;
        let invocation = self.line.clone();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match told.recv_timeout(left.min(LOOK)) {
                Ok(told) => return told,
                Err(RecvTimeoutError::Disconnected) => {
                    let panicked = io::Error::other("the thread that speaks with it panicked");
                    return (Err(Silence::Unread(panicked)), None);
                }
                Err(RecvTimeoutError::Timeout) if !go_on() => {
                    self.child.group().kill();
                    let cancelled = ProcessError::Cancelled { invocation };
                    return (Err(Silence::Failed(cancelled)), None);
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    self.child.group().kill();
                    let late = ProcessError::TimedOut {
                        invocation,
                        after: limit,
                        captured: Captured {
                            status: -1,
                            stdout: Vec::new(),
                            stderr: Vec::new(),
                        },
                    };
                    return (Err(Silence::Failed(late)), None);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Closes its input, waits for its end, and returns its status and what it complained of.
    pub fn end(mut self) -> Result<Captured, ProcessError> {
        self.pipes = None;
        let status = match self.child.wait(Instant::now() + FAREWELL)? {
            Some(status) => status,
            None => self.child.end()?.unwrap_or(-1),
        };
        let stderr = self.stderr.finish(Instant::now() + FAREWELL);
        Ok(Captured {
            status,
            stdout: Vec::new(),
            stderr: stderr.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Talk {
        Talk::begin(&Invocation::new("/bin/sh", ["-c", script])).unwrap()
    }

    fn line(from: &mut dyn BufRead) -> io::Result<String> {
        let mut line = String::new();
        match from.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line),
        }
    }

    const TIME: Duration = Duration::from_secs(20);

    #[test]
    fn a_program_is_asked_twice_and_then_ends() {
        let mut talk = shell("while read word; do echo \"<$word>\"; done; echo over >&2; exit 3");
        for word in ["one", "two"] {
            let ask = move |out: &mut dyn Write| writeln!(out, "{word}");
            let heard = talk.exchange(TIME, &|| true, ask, line).unwrap();
            assert_eq!(heard, format!("<{word}>\n"));
        }
        let captured = talk.end().unwrap();
        assert_eq!(
            (captured.status, captured.stderr_text().trim()),
            (3, "over")
        );
    }

    #[test]
    fn a_program_that_ends_or_does_not_answer_says_nothing() {
        let mut talk = shell("echo why >&2; exit 5");
        let silence = talk.exchange(TIME, &|| true, |_| Ok(()), line);
        assert!(matches!(silence, Err(Silence::Unread(_))), "{silence:?}");
        assert_eq!(talk.end().unwrap().status, 5);
        for (go_on, expected) in [(true, "did not end within"), (false, "before it was done")] {
            let mut talk = shell("exec sleep 60");
            let time = Duration::from_millis(300);
            let silence = talk.exchange(time, &|| go_on, |_| Ok(()), line);
            let Err(Silence::Failed(error)) = silence else {
                panic!("{silence:?}");
            };
            assert!(error.to_string().contains(expected), "{error}");
            // Once it was silent it is not asked again.
            let again = talk.exchange(TIME, &|| true, |_| Ok(()), line);
            assert!(matches!(again, Err(Silence::Unread(_))), "{again:?}");
        }
    }

    #[test]
    fn half_of_a_question_is_never_answered() {
        let mut talk = shell("cat > /dev/null; echo taken for the whole");
        let half = |out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(io::Error::other("the rest is gone"))
        };
        let silence = talk.exchange(TIME, &|| true, half, line);
        assert!(
            matches!(silence, Err(Silence::Failed(ProcessError::Feed { .. }))),
            "{silence:?}"
        );
        assert_eq!(talk.end().unwrap().status, 137);
    }
}
