//! What `up` would change, as a list of steps: `+` comes, `~` changes, `-` goes; below each, what it means.

use console::{StyledObject, style};

use super::count;
use crate::{
    ops::{plan::Preview, stakes::Planned},
    reconcile::change::{Change, Kind, Loss},
};

/// The preview for people.
pub fn render(preview: &Preview) -> String {
    let mut lines: Vec<String> = preview.steps.iter().flat_map(step).collect();
    if !preview.steps.is_empty() {
        lines.push(String::new());
        lines.push(summary(preview));
        if preview.steps.iter().any(|planned| planned.change.destructive) {
            lines.push(format!("what is {} needs: kdev up --allow destroy-data", style("marked with !").red()));
        }
    }
    lines.extend(preview.notes.iter().map(|note| format!("{} {note}", style("note:").cyan())));
    lines.join("\n")
}

fn step(planned: &Planned) -> Vec<String> {
    let Planned { step: _, text, change } = planned;
    let mut lines = vec![format!("{} {}", mark(change.kind), coloured(change.kind, text))];
    // Some texts say already why.
    let indent = if change.destructive { "  ! " } else { "    " };
    lines.extend(change.meaning.iter().filter(|sentence| !text.contains(sentence.as_str())).map(|sentence| {
        let sentence = if change.destructive { style(sentence).red() } else { style(sentence).dim() };
        format!("{indent}{sentence}")
    }));
    if let Some(gone) = gone(change) {
        lines.push(format!("{indent}{}", style(gone).red()));
    }
    lines
}

/// A step that takes records away, in one line.
pub fn destroys(planned: &Planned) -> String {
    let Planned { step: _, text, change } = planned;
    match gone(change) {
        Some(gone) => format!("{text}: {gone}"),
        None => std::iter::once(text.as_str())
            .chain(change.meaning.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(": "),
    }
}

/// How much goes, where something does and it was measured.
fn gone(change: &Change) -> Option<String> {
    let Loss { records, bytes } = change.loss.filter(|_| change.destructive)?;
    let go = if records == 1 { "one record goes".to_owned() } else { format!("{} records go", count(records)) };
    let size = super::bytes(bytes);
    Some(match change.kind {
        Kind::Delete => format!("{go}, about {size} on each replica"),
        Kind::Create | Kind::Change => format!("up to {go}, about {size} on each replica"),
    })
}

fn mark(kind: Kind) -> StyledObject<&'static str> {
    match kind {
        Kind::Create => style("+").green().bold(),
        Kind::Change => style("~").yellow().bold(),
        Kind::Delete => style("-").red().bold(),
    }
}

fn coloured(kind: Kind, text: &str) -> StyledObject<&str> {
    match kind {
        Kind::Create => style(text).green(),
        Kind::Change => style(text).yellow(),
        Kind::Delete => style(text).red(),
    }
}

fn summary(preview: &Preview) -> String {
    let count = |kind| preview.steps.iter().filter(|planned| planned.change.kind == kind).count();
    let (create, change, delete) = (count(Kind::Create), count(Kind::Change), count(Kind::Delete));
    format!("{}: {create} to create, {change} to change, {delete} to delete", style(&preview.project).bold())
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::{
        ops::{
            plan::{Preview, SCHEMA},
            stakes::Planned,
        },
        reconcile::Step,
    };

    #[test]
    fn each_step_has_its_mark_and_below_it_what_its_text_does_not_say() {
        console::set_colors_enabled(false);
        let steps = [
            Step::CreateNetwork,
            Step::AddPartitions { topic: "posts".parse().unwrap(), from: 6, to: 12 },
            Step::Remove { service: "producer".to_owned(), name: "producer".to_owned(), why: "it changed".to_owned() },
        ];
        let preview = Preview {
            schema: SCHEMA,
            project: "blog".to_owned(),
            directory: "/blog".to_owned(),
            changes: true,
            steps: steps.into_iter().map(Planned::of).collect(),
            unnamed_topics: Vec::new(),
            notes: vec!["worth knowing".to_owned()],
        };
        insta::assert_snapshot!(render(&preview), @r"
        + create network
        ~ add partitions to topic posts: 6 to 12 (keys move to other partitions)
            the order per key holds only among the records that come after it
        - remove container of producer: it changed

        blog: 1 to create, 1 to change, 1 to delete
        note: worth knowing
        ");
    }
}
