//! What the doctor found: the contract of `doctor -o json`, fields only ever added.

use serde::Serialize;

use crate::{
    error::{Error, Kind},
    model::ProjectName,
    status::Bootstrap,
};

/// Everything found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Version of this contract.
    pub schema: u32,
    /// The project's name, where kdev.toml is valid.
    pub project: Option<ProjectName>,
    /// The checks, in the order in which they build on each other.
    pub checks: Vec<Check>,
    /// What could not be checked now, and why that is no fault.
    pub notes: Vec<String>,
    /// What to use where; none while there are no nodes.
    pub bootstrap: Option<Bootstrap>,
    /// The checks, counted.
    pub summary: Summary,
    /// Why the command does not end with 0: decides the exit code.
    #[serde(skip)]
    pub verdict: Option<Kind>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub category: Category,
    /// Its name within: `memory`, `port 9092`, `kafka-1:19092`.
    pub name: String,
    /// How it went.
    pub status: Status,
    /// What was found.
    pub message: String,
    /// What to type or change, the most likely first, one a line.
    pub fix: Option<String>,
    /// Evidence: a snippet of kdev.toml, last lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The Docker engine itself.
    Engine,
    /// What the engine can use: processors, memory, disk.
    Machine,
    /// kdev.toml and what was made ready for it.
    Project,
    /// Ports on 127.0.0.1.
    Ports,
    /// Ways out of the machine.
    Network,
    /// An advertised address, tried from this machine.
    FromHost,
    /// An advertised address, tried from a container.
    FromContainer,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// It works, with a reservation.
    Warning,
    /// It does not work.
    Fail,
}

/// How many checks went how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// As they should be.
    pub pass: usize,
    /// With a reservation.
    pub warning: usize,
    /// Not working.
    pub fail: usize,
}

impl Check {
    /// As it should be.
    pub fn pass(category: Category, name: &str, message: impl Into<String>) -> Self {
        Self::new(category, name, Status::Pass, message.into(), None)
    }

    /// It works, with a reservation.
    pub fn warning(category: Category, name: &str, message: impl Into<String>, fix: &str) -> Self {
        Self::new(category, name, Status::Warning, message.into(), Some(fix.to_owned()))
    }

    /// It does not work.
    pub fn fail(category: Category, name: &str, message: impl Into<String>, fix: &str) -> Self {
        Self::new(category, name, Status::Fail, message.into(), Some(fix.to_owned()))
    }

    /// What was checked ended in an error, with the remedies that the error brings.
    pub fn of_error(category: Category, name: &str, status: Status, error: &Error) -> Self {
        let fix = (!error.hints.is_empty()).then(|| error.hints.join("\n"));
        let check = Self::new(category, name, status, error.message.clone(), fix);
        let while_ = error.context.iter().map(|doing| format!("while {doing}"));
        Check { details: error.details.iter().cloned().chain(while_).collect(), ..check }
    }

    fn new(category: Category, name: &str, status: Status, message: String, fix: Option<String>) -> Self {
        Check { category, name: name.to_owned(), status, message, fix, details: Vec::new() }
    }
}

impl Summary {
    /// Counts.
    pub fn of(checks: &[Check]) -> Self {
        let count = |status| checks.iter().filter(|check| check.status == status).count();
        Summary { pass: count(Status::Pass), warning: count(Status::Warning), fail: count(Status::Fail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_check_with_all_its_remedies() {
        let error = Error::failed("no").hint("this").hint("that").while_("trying");
        let check = Check::of_error(Category::FromHost, "x", Status::Fail, &error);
        let json = serde_json::to_string(&check).unwrap();
        insta::assert_snapshot!(json, @r#"{"category":"from-host","name":"x","status":"fail","message":"no","fix":"this\nthat","details":["while trying"]}"#);
    }

    #[test]
    fn checks_are_counted_by_how_they_went() {
        let pass = Check::pass(Category::Engine, "a", "");
        let fail = Check::fail(Category::Engine, "b", "", "c");
        let counted = Summary::of(&[pass.clone(), fail, pass]);
        assert_eq!(counted, Summary { pass: 2, warning: 0, fail: 1 });
    }
}
