//! The fleet: which nodes there are, which of them a session lands on, what they report and what they are to do.

mod figures;
mod heartbeat;
mod lost;
mod placement;
mod probe;
mod registry;
mod report;
mod router;
mod view;

pub use figures::{Figures, figures};
pub use heartbeat::heartbeat;
pub use lost::mark_lost_nodes;
pub use probe::{NodeProbe, probe};
pub use registry::register;
pub use router::{Candidate, InstanceRouter};
pub use view::{NodeState, NodeView, SessionView, nodes, sessions};

pub(crate) use placement::choose_node;
pub(crate) use registry::check_incarnation;
pub(crate) use report::{rest, take_report};
