//! What the programs tell systemd, heard on a socket that takes its place: ready, alive, ending; and nothing while they hang.

use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::stack::{PATIENCE, eventually, fresh_ports, fresh_postgres, program, required};

/// How long a program may be silent.
const LIMIT: Duration = Duration::from_secs(2);
const FLEET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OPERATOR: &str = "blzop_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A program under the eyes of a systemd that only listens; killed when dropped.
struct Watched {
    child: Child,
    socket: UnixDatagram,
    _directory: tempfile::TempDir,
}

impl Watched {
    fn start(mut command: Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", LIMIT.as_micros().to_string());
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, socket, _directory: directory }
    }

    /// The next thing that it says; nothing when it is silent for too long.
    fn says(&self) -> Option<String> {
        let mut said = [0; 256];
        let length = self.socket.recv(&mut said).ok()?;
        Some(String::from_utf8_lossy(&said[..length]).trim().to_owned())
    }

    /// Waits until it says this; gives what it has said before.
    fn until_it_says(&self, wanted: &str) -> Vec<String> {
        let (deadline, mut before) = (Instant::now() + PATIENCE, Vec::new());
        loop {
            match self.says() {
                Some(said) if said == wanted => return before,
                said => before.extend(said),
            }
            assert!(Instant::now() < deadline, "it does not say {wanted} but {before:?}");
        }
    }

    /// Waits until it was silent for as long as systemd waits.
    fn until_silent(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(said) = self.says() {
            assert!(Instant::now() < deadline, "it goes on saying {said}");
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Lets it open no more than this many files and sockets.
    fn limit_descriptors(&self, count: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={count}:")]).status();
        assert!(done.unwrap().success());
    }

    async fn ends(mut self) {
        self.signal(Signal::SIGTERM);
        self.until_it_says("STOPPING=1");
        let status = eventually("it has ended", async || self.child.try_wait().unwrap()).await;
        assert!(status.success(), "{status}");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An API over this database, which is migrated.
fn api(database: &str, port: u16, media: &std::path::Path) -> Command {
    let migrated = Command::new(program("blazz")).arg("migrate").env("BLAZZ_DATABASE_URL", database).output();
    assert!(migrated.unwrap().status.success());
    let mut command = Command::new(program("blazz-api"));
    command
        .env_clear()
        .env("BLAZZ_API_LISTEN", format!("0.0.0.0:{port}"))
        .env("BLAZZ_DATABASE_URL", database)
        .env("BLAZZ_OPERATOR_KEY", OPERATOR)
        .env("BLAZZ_FLEET_SECRET", FLEET)
        .env("BLAZZ_MEDIA_DIR", media)
        .env("BLAZZ_WHATSAPP_VERSION", "2.3000.1");
    command
}

fn sqlite(directory: &std::path::Path) -> String {
    format!("sqlite:{}", directory.join("blazz.db").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_does_not_answer_itself_gives_no_sign_of_life() {
    let directory = tempfile::tempdir().unwrap();
    let port = fresh_ports(1);
    let watched = Watched::start(api(&sqlite(directory.path()), port, directory.path()));
    watched.until_it_says("READY=1");
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    watched.until_it_says("WATCHDOG=1");
    // It lives and has its work, and can accept no connection any more.
    watched.limit_descriptors("3");
    watched.until_silent();
    watched.limit_descriptors("1024");
    watched.until_it_says("WATCHDOG=1");
    watched.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_when_the_api_knows_it_and_alive_while_it_reports() {
    let directory = tempfile::tempdir().unwrap();
    let port = fresh_ports(1);
    let mut secret = Command::new(program("blazz"));
    secret.args(["secret", "node", "node-1"]).env("BLAZZ_FLEET_SECRET", FLEET);
    let secret = secret.output().unwrap().stdout;
    let mut node = Command::new(program("blazz-session-node-sandbox"));
    node.env_clear()
        .env("BLAZZ_NODE_ID", "node-1")
        .env("BLAZZ_NODE_SECRET", String::from_utf8(secret).unwrap())
        .env("BLAZZ_NODE_LISTEN", "127.0.0.1:0")
        .env("BLAZZ_STORAGE_KEY", "5b".repeat(32))
        .env("BLAZZ_API_URL", format!("http://127.0.0.1:{port}"))
        .env("BLAZZ_SESSION_ROOT", directory.path().join("root"))
        .env("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat");
    let node = Watched::start(node);
    node.until_it_says("EXTEND_TIMEOUT_USEC=60000000");
    let api = Watched::start(api(&sqlite(directory.path()), port, directory.path()));
    api.until_it_says("READY=1");
    let before = node.until_it_says("READY=1");
    assert!(before.iter().all(|said| said.starts_with("EXTEND_TIMEOUT_USEC=")), "{before:?}");
    node.until_it_says("WATCHDOG=1");
    node.signal(Signal::SIGSTOP);
    node.until_silent();
    node.signal(Signal::SIGCONT);
    node.until_it_says("WATCHDOG=1");
    node.ends().await;
    api.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_of_itself_and_serves_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let mut alone = api(&sqlite(directory.path()), 0, directory.path());
    let refused = alone.arg("worker").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("BLAZZ_DATABASE_URL is") && said.contains("BLAZZ_REDIS_URL is not set"), "{said}");

    let port = fresh_ports(1);
    let mut worker = api(&fresh_postgres(), 0, directory.path());
    worker.arg("worker").env("BLAZZ_REDIS_URL", required("BLAZZ_TEST_REDIS_URL"));
    let worker = Watched::start({
        worker.env("BLAZZ_WORKER_LISTEN", format!("127.0.0.1:{port}"));
        worker
    });
    worker.until_it_says("READY=1");
    let http = blazz_wire::http_client(LIMIT, PATIENCE).unwrap();
    let get = async |path: &str| {
        let answer = http.get(format!("http://127.0.0.1:{port}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, health) = get("/healthz").await;
    assert!(status == 200 && health.contains("blazz-worker"), "{health}");
    assert_eq!(get("/readyz").await.0, 200);
    let (_, metrics) = get("/metrics").await;
    assert!(
        metrics.contains("blazz_jobs_due 0") && metrics.contains("service=\"blazz-worker\""),
        "{metrics}"
    );
    for path in ["/v1/accounts", "/v1/workspaces", "/internal/v1/register", "/docs"] {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
    worker.ends().await;
}
