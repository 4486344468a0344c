//! Which handler runs which kind of job.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::{Job, JobContext, Outcome};

type Handler = Arc<dyn Fn(Value, JobContext) -> BoxFuture<'static, Outcome> + Send + Sync>;
type DeadHandler = Arc<dyn Fn(Value) -> BoxFuture<'static, ()> + Send + Sync>;

/// The handlers by the name of their job.
#[derive(Default, Clone)]
pub(crate) struct Registry {
    handlers: BTreeMap<&'static str, Handler>,
    dead_handlers: BTreeMap<&'static str, DeadHandler>,
}

impl Registry {
    pub(crate) fn insert<J, F, Fut>(&mut self, handler: F)
    where
        J: Job,
        F: Fn(J, JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let run = move |payload: Value, context: JobContext| match serde_json::from_value::<J>(payload) {
            Ok(job) => handler(job, context).boxed(),
            Err(error) => {
                let error = format!("the payload cannot be read: {error}");
                std::future::ready(Outcome::Dead { error }).boxed()
            }
        };
        self.handlers.insert(J::NAME, Arc::new(run));
    }

    /// What is to be done when a job of this kind is given up. For one whose payload cannot be read nothing can be done.
    pub(crate) fn insert_dead_handler<J, F, Fut>(&mut self, handler: F)
    where
        J: Job,
        F: Fn(J) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let run = move |payload: Value| match serde_json::from_value::<J>(payload) {
            Ok(job) => handler(job).boxed(),
            Err(_) => std::future::ready(()).boxed(),
        };
        self.dead_handlers.insert(J::NAME, Arc::new(run));
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.handlers.keys().copied().collect()
    }

    pub(crate) fn run(&self, kind: &str, payload: Value, context: JobContext) -> BoxFuture<'static, Outcome> {
        match self.handlers.get(kind) {
            Some(handler) => handler(payload, context),
            None => std::future::ready(Outcome::Dead { error: format!("no handler for {kind:?}") }).boxed(),
        }
    }

    pub(crate) fn run_dead_handler(&self, kind: &str, payload: Value) -> BoxFuture<'static, ()> {
        match self.dead_handlers.get(kind) {
            Some(handler) => handler(payload),
            None => std::future::ready(()).boxed(),
        }
    }
}
