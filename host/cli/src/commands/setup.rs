//! What the instances at work were set up with, to see whether a reload needs new ones.

use wasyncio_host::{Policy, PolicyChange, PolicyFile, Program, ServiceEvent};

/// A program and its policy file.
pub(super) struct Setup {
    program: Program,
    file: PolicyFile,
    /// Whether the program is all that is run, so that one which is the same needs no new instances.
    complete: bool,
}

/// The setups of the instances at work, and of those that are to replace them.
pub(super) struct Setups {
    pub(super) current: Setup,
    pub(super) next: Option<Setup>,
}

impl Setup {
    pub(super) fn new(program: &Program, file: &PolicyFile, complete: bool) -> Self {
        Self { program: program.clone(), file: file.clone(), complete }
    }

    /// Whether instances of this can go on as those of `other`: only grants of addresses, rules and host names differ. If
    /// nothing does, the operator wants new ones.
    fn is_changeable_to(&self, other: &Self) -> bool {
        let PolicyFile { policy, arguments, environment, stdio, limits, .. } = &self.file;
        self.complete
            && self.program.is_same_as(&other.program)
            && (arguments, environment, stdio, limits)
                == (&other.file.arguments, &other.file.environment, &other.file.stdio, &other.file.limits)
            && policy.has_same_setup(&other.file.policy)
            // wasmtime-wasi's sockets, which nobody here can close.
            && !policy.has_wasi02_sockets()
            && !policy.changes_to(&other.file.policy).is_empty()
    }
}

impl Setups {
    /// From now on things are to be as in `setup`: the policy that the instances at work take for that, or `None` if there
    /// have to be new ones.
    pub(super) fn change_to(&mut self, setup: Setup) -> Option<Policy> {
        if self.next.is_none() && self.current.is_changeable_to(&setup) {
            self.current = setup;
            return Some(self.current.file.policy.clone());
        }
        self.next = Some(setup);
        None
    }

    /// Takes notice of what came of new instances. If they are at work now: what of the policy differs.
    pub(super) fn take(&mut self, event: &ServiceEvent<'_>) -> Vec<PolicyChange> {
        match event {
            ServiceEvent::Reloaded => match self.next.take() {
                Some(next) => {
                    let changes = self.current.file.policy.changes_to(&next.file.policy);
                    self.current = next;
                    changes
                }
                None => Vec::new(),
            },
            ServiceEvent::ReloadFailed { .. } => {
                self.next = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}
