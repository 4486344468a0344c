//! A second process of this program: it is told what to do on its standard input and answers on its standard output, a JSON line each.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use nix::unistd::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

/// The second process as the bench holds it. Ends when dropped.
pub(crate) struct Child {
    _process: tokio::process::Child,
    pid: Pid,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts this program again with these arguments.
    pub(crate) fn start(arguments: &[&str]) -> Result<Self> {
        let program = std::env::current_exe().context("this program has no path")?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a second process of the bench")?;
        let pid = process.id().context("a process that has just started has an id")?;
        let orders = process.stdin.take().context("its input is a pipe")?;
        let answers = process.stdout.take().context("its output is a pipe")?;
        let pid = Pid::from_raw(i32::try_from(pid)?);
        Ok(Self { _process: process, pid, orders, answers: BufReader::new(answers).lines() })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Gives an order and waits for the answer.
    pub(crate) async fn order<A: DeserializeOwned>(&mut self, order: &impl Serialize) -> Result<A> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await.context("a second process of the bench has ended")?;
        let line = self
            .answers
            .next_line()
            .await?
            .context("a second process of the bench has ended without an answer")?;
        match serde_json::from_str(&line)? {
            Said::Done(answer) => Ok(answer),
            Said::Failed(error) => bail!("{error}"),
        }
    }
}

/// What a second process says.
#[derive(Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said<A> {
    Done(A),
    Failed(String),
}

/// The next order of the bench, as its second process hears it; `None` when there will be no more.
pub(crate) async fn next_order<O: DeserializeOwned>() -> Result<Option<O>> {
    let read = || {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    };
    let line = tokio::task::spawn_blocking(read).await??;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line).context("an order that is none")?))
}

/// Answers the last order.
pub(crate) fn answer_order<A: Serialize>(answer: Result<A>) -> Result<()> {
    let said = match answer {
        Ok(answer) => Said::Done(answer),
        Err(error) => Said::Failed(format!("{error:#}")),
    };
    let mut line = serde_json::to_vec(&said)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}
