//! The processes of one machine: started in order, watched, stopped in reverse.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{join_all, select_all};

use super::addresses::Addresses;
use super::child::{Change, Child, Program};
use super::home::{Home, write_private};
use super::leftovers;
use super::process_id::ProcessId;
use super::programs::Programs;
use super::ready::until_ready;
use super::say::say;
use super::secrets::{Secrets, WorkspaceSecret};
use super::up_file::Up;
use super::{UpArgs, bootstrap};
use crate::migrate;

/// How long each has to end: a node hands over what it received, the API answers what was asked of it.
const NODE_PATIENCE: Duration = Duration::from_secs(20);
const API_PATIENCE: Duration = Duration::from_secs(35);
const EMULATOR_PATIENCE: Duration = Duration::from_secs(5);

/// The key under which `secrets.json` keeps the workspace of the directory's own database, wherever the directory is moved to.
const OWN_DATABASE: &str = "own";

/// The processes and how they were started.
pub(crate) struct Stack {
    home: Home,
    addresses: Addresses,
    programs: Programs,
    secrets: Secrets,
    /// Under which the secrets keep the workspace.
    database: String,
    http: reqwest::Client,
    emulator: Option<Child>,
    api: Option<Child>,
    nodes: Vec<Child>,
    up: Option<Up>,
    is_live: bool,
}

impl Stack {
    /// Everything that is needed is there; nothing runs yet.
    pub(crate) fn new(home: Home, args: &UpArgs) -> anyhow::Result<Self> {
        Ok(Self {
            addresses: Addresses::settle(args.port, args.node_count())?,
            programs: Programs::new(&home, args)?,
            secrets: Secrets::load_or_make(&home.secrets_file())?,
            database: args.database_url.clone().unwrap_or_else(|| OWN_DATABASE.to_owned()),
            http: blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(30))?,
            home,
            emulator: None,
            api: None,
            nodes: Vec::new(),
            up: None,
            is_live: args.live,
        })
    }

    /// Where things are.
    pub(crate) const fn home(&self) -> &Home {
        &self.home
    }

    /// Starts everything, in order, and writes `up.json`.
    pub(crate) async fn start(&mut self) -> anyhow::Result<Up> {
        migrate::migrate(&self.programs.database_url).await?;
        say("database  up to date");
        self.home.forget_settings();
        if !self.is_live {
            self.start_emulator().await?;
        }
        self.start_api().await?;
        self.start_nodes().await?;
        let workspace = self.workspace().await?;
        let up = Up::new(&self.addresses, &self.secrets.operator_key, workspace, self.is_live);
        let up = up.running(&self.addresses, self.pids());
        up.write(&self.home)?;
        self.up = Some(up.clone());
        Ok(up)
    }

    async fn start_emulator(&mut self) -> anyhow::Result<()> {
        let program = self.programs.emulator(&self.home, &self.addresses)?;
        let url = format!("http://{}", self.addresses.emulator_admin);
        self.keep_settings(&program)?;
        self.emulator = Some(Child::start(program)?);
        self.note();
        if let Some(emulator) = &mut self.emulator {
            until_ready(&self.http, &format!("{url}/healthz"), emulator).await?;
        }
        say(&format!("emulator  ready at {url}"));
        Ok(())
    }

    async fn start_api(&mut self) -> anyhow::Result<()> {
        let program = self.programs.api(&self.home, &self.addresses, &self.secrets)?;
        let url = format!("http://{}", self.addresses.api);
        self.keep_settings(&program)?;
        self.api = Some(Child::start(program)?);
        self.note();
        if let Some(api) = &mut self.api {
            until_ready(&self.http, &format!("{url}/readyz"), api).await?;
        }
        say(&format!("api       ready at {url}"));
        Ok(())
    }

    async fn start_nodes(&mut self) -> anyhow::Result<()> {
        for program in self.programs.nodes(&self.home, &self.addresses, &self.secrets)? {
            self.keep_settings(&program)?;
            self.nodes.push(Child::start(program)?);
            self.note();
        }
        for (node, address) in self.nodes.iter_mut().zip(&self.addresses.nodes) {
            let url = format!("http://{address}");
            until_ready(&self.http, &format!("{url}/readyz"), node).await?;
            say(&format!("{:<8}  ready at {url}", node.name()));
        }
        Ok(())
    }

    /// For `blazz doctor` and `blazz config`.
    fn keep_settings(&self, program: &Program) -> anyhow::Result<()> {
        let lines: String = program.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        write_private(&self.home.settings_file(&program.name)?, &lines)
    }

    async fn workspace(&mut self) -> anyhow::Result<WorkspaceSecret> {
        let api_url = format!("http://{}", self.addresses.api);
        if let Some(known) = self.secrets.workspaces.get(&self.database)
            && bootstrap::is_valid(&self.http, &api_url, known).await?
        {
            return Ok(known.clone());
        }
        let made = bootstrap::make(&self.http, &api_url, &self.secrets.operator_key).await?;
        self.secrets.workspaces.insert(self.database.clone(), made.clone());
        self.secrets.save(&self.home.secrets_file())?;
        Ok(made)
    }

    /// Starts again whatever dies, for ever.
    pub(crate) async fn supervise(&mut self) {
        loop {
            let (change, name) = self.next_change().await;
            match change {
                Change::Started => self.tell(&name),
                Change::Ended(how, wait) => {
                    say(&format!("{name} ended ({how}); started again in {} ms", wait.as_millis()));
                }
                Change::NotStarted(why, wait) => {
                    say(&format!("{name}: {why}; tried again in {} ms", wait.as_millis()));
                }
                Change::Over(why) => say(&format!("{name} ended ({why})")),
            }
        }
    }

    async fn next_change(&mut self) -> (Change, String) {
        let changes = self.children_mut().map(|child| {
            Box::pin(async {
                let change = child.change().await;
                (change, child.name().to_owned())
            })
        });
        let (change, _, _) = select_all(changes.collect::<Vec<_>>()).await;
        change
    }

    /// Says that a program runs again, here and in the files.
    fn tell(&mut self, name: &str) {
        say(&format!("{name} started again"));
        self.note();
        let Some(up) = self.up.take() else { return };
        let up = up.running(&self.addresses, self.pids());
        if let Err(error) = up.write(&self.home) {
            say(&format!("cannot write {}: {error:#}", self.home.up_file().display()));
        }
        self.up = Some(up);
    }

    /// Stops everything: nodes first, so that they can hand their last events to the API, then the API, then the emulator.
    pub(crate) async fn stop(&mut self) {
        join_all(self.nodes.iter_mut().map(|node| node.stop(NODE_PATIENCE))).await;
        join_all(self.api.iter_mut().map(|api| api.stop(API_PATIENCE))).await;
        join_all(self.emulator.iter_mut().map(|emulator| emulator.stop(EMULATOR_PATIENCE))).await;
        leftovers::forget(&self.home);
    }

    /// Kills everything.
    pub(crate) async fn kill(&mut self) {
        join_all(self.children_mut().map(Child::kill)).await;
        leftovers::forget(&self.home);
    }

    /// Notes what runs, so that the next `blazz up` can end it should this one be killed.
    fn note(&self) {
        let running =
            self.children().filter_map(|child| Some((child.name().to_owned(), ProcessId::of(child.pid()?)?)));
        if let Err(error) = leftovers::note(&self.home, &running.collect()) {
            say(&format!("cannot note which processes run: {error:#}"));
        }
    }

    fn pids(&self) -> BTreeMap<String, u32> {
        self.children().filter_map(|child| Some((child.name().to_owned(), child.pid()?))).collect()
    }

    fn children(&self) -> impl Iterator<Item = &Child> {
        self.emulator.iter().chain(&self.api).chain(&self.nodes)
    }

    fn children_mut(&mut self) -> impl Iterator<Item = &mut Child> {
        self.emulator.iter_mut().chain(&mut self.api).chain(&mut self.nodes)
    }
}
