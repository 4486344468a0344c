//! The programs of one machine and the settings that each is given.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use blazz_domain::NodeId;
use blazz_wire::keys::FleetSecret;

use super::UpArgs;
use super::addresses::Addresses;
use super::child::Program;
use super::home::Home;
use super::secrets::Secrets;

const EMULATOR: &str = "blazz-emulator";
const API: &str = "blazz-api";
const SANDBOX_NODE: &str = "blazz-session-node-sandbox";
const LIVE_NODE: &str = "blazz-session-node";

/// The file names of all of them.
pub(crate) const PROGRAMS: &[&str] = &[EMULATOR, API, SANDBOX_NODE, LIVE_NODE];
/// What the API and a production node take from this command's own environment.
const LIVE_API_SETTINGS: [&str; 3] =
    ["BLAZZ_WHATSAPP_VERSION", "BLAZZ_WHATSAPP_VERSION_URL", "BLAZZ_DEVICE_NAME"];
const LIVE_NODE_SETTINGS: [&str; 2] = ["BLAZZ_WHATSAPP_ENDPOINT", "BLAZZ_PROXY_ALLOW_PRIVATE"];

/// Makes the programs' settings from what `blazz up` was told.
pub(crate) struct Programs {
    bin_dir: PathBuf,
    /// The database that the API serves from.
    pub(crate) database_url: String,
    redis_url: Option<String>,
    is_live: bool,
}

impl Programs {
    /// Finds the programs and settles the backend.
    pub(crate) fn new(home: &Home, args: &UpArgs) -> anyhow::Result<Self> {
        let bin_dir = match &args.bin_dir {
            Some(bin_dir) => bin_dir.clone(),
            None => std::env::current_exe()?.parent().context("this program has no folder")?.to_owned(),
        };
        let needed: &[&str] = if args.live { &[API, LIVE_NODE] } else { &[EMULATOR, API, SANDBOX_NODE] };
        for name in needed {
            require(&bin_dir.join(name))?;
        }
        let database_url = args.database_url.clone().unwrap_or_else(|| home.database_url());
        Ok(Self { bin_dir, database_url, redis_url: args.redis_url.clone(), is_live: args.live })
    }

    /// The server side of WhatsApp.
    pub(crate) fn emulator(&self, home: &Home, at: &Addresses) -> anyhow::Result<Program> {
        Ok(Program {
            name: "emulator".to_owned(),
            path: self.bin_dir.join(EMULATOR),
            args: Vec::new(),
            env: vec![
                ("BLAZZ_EMULATOR_LISTEN", at.emulator.to_string()),
                ("BLAZZ_EMULATOR_ADMIN", at.emulator_admin.to_string()),
            ],
            log: home.log_file("emulator")?,
        })
    }

    /// The API.
    pub(crate) fn api(&self, home: &Home, at: &Addresses, secrets: &Secrets) -> anyhow::Result<Program> {
        let mut env = vec![
            ("BLAZZ_API_LISTEN", at.api.to_string()),
            ("BLAZZ_DATABASE_URL", self.database_url.clone()),
            ("BLAZZ_OPERATOR_KEY", secrets.operator_key.clone()),
            ("BLAZZ_FLEET_SECRET", secrets.fleet_secret.clone()),
            ("BLAZZ_MEDIA_DIR", home.media().display().to_string()),
        ];
        env.extend(self.redis_url.clone().map(|url| ("BLAZZ_REDIS_URL", url)));
        if self.is_live {
            env.extend(LIVE_API_SETTINGS.into_iter().filter_map(given));
        } else {
            env.push(("BLAZZ_WHATSAPP_VERSION_URL", format!("http://{}/sw.js", at.emulator_admin)));
        }
        Ok(Program {
            name: "api".to_owned(),
            path: self.bin_dir.join(API),
            args: Vec::new(),
            env,
            log: home.log_file("api")?,
        })
    }

    /// The session nodes.
    pub(crate) fn nodes(
        &self,
        home: &Home,
        at: &Addresses,
        secrets: &Secrets,
    ) -> anyhow::Result<Vec<Program>> {
        let fleet = FleetSecret::parse(&secrets.fleet_secret).context("the kept fleet secret is damaged")?;
        let node = |(index, listen): (usize, &std::net::SocketAddr)| {
            let name = node_name(index);
            let id: NodeId = name.parse()?;
            let mut env = vec![
                ("BLAZZ_NODE_ID", name.clone()),
                ("BLAZZ_NODE_LISTEN", listen.to_string()),
                ("BLAZZ_NODE_SECRET", fleet.node_secret(&id).to_hex()),
                ("BLAZZ_STORAGE_KEY", secrets.storage_key.clone()),
                ("BLAZZ_API_URL", format!("http://{}", at.api)),
                ("BLAZZ_SESSION_ROOT", home.session_root(&name)?.display().to_string()),
            ];
            if self.is_live {
                env.extend(LIVE_NODE_SETTINGS.into_iter().filter_map(given));
            } else {
                env.push(("BLAZZ_WHATSAPP_ENDPOINT", format!("ws://{}/ws/chat", at.emulator)));
                env.push(("BLAZZ_PROXY_ALLOW_PRIVATE", "true".to_owned()));
            }
            let binary = if self.is_live { LIVE_NODE } else { SANDBOX_NODE };
            let (path, log) = (self.bin_dir.join(binary), home.log_file(&name)?);
            Ok(Program { name, path, args: Vec::new(), env, log })
        };
        at.nodes.iter().enumerate().map(node).collect()
    }
}

/// A setting of this command's own environment.
fn given(name: &'static str) -> Option<(&'static str, String)> {
    Some((name, std::env::var(name).ok().filter(|value| !value.is_empty())?))
}

/// The name of the node at this place in the list.
pub(crate) fn node_name(index: usize) -> String {
    format!("node-{}", index + 1)
}

fn require(program: &Path) -> anyhow::Result<()> {
    if !program.is_file() {
        bail!("{} is not there; build it first (scripts/up does)", program.display());
    }
    Ok(())
}
