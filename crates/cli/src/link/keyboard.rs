//! Lines that somebody types, without holding up the end of the process.

use std::io::BufRead as _;

use tokio::sync::mpsc::{Receiver, channel};

/// Reads standard input from its first use on.
#[derive(Debug, Default)]
pub(crate) struct Keyboard(Option<Receiver<String>>);

impl Keyboard {
    /// The next line; `None` once there is nobody to type.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.0.get_or_insert_with(listen).recv().await
    }
}

/// On a thread of its own that nobody waits for: a read from a terminal cannot be given up.
fn listen() -> Receiver<String> {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
