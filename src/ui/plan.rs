//! What `up` would change, as a list of steps: `+` comes, `~` changes, `-` goes; below each, what it means.

use console::{StyledObject, style};

use crate::{
    ops::plan::{Planned, Preview},
    reconcile::change::Kind,
};

/// The preview for people.
pub fn render(preview: &Preview) -> String {
    let mut lines: Vec<String> = preview.steps.iter().flat_map(step).collect();
    if !preview.steps.is_empty() {
        lines.push(String::new());
        lines.push(summary(preview));
    }
    lines.extend(preview.notes.iter().map(|note| format!("{} {note}", style("note:").cyan())));
    lines.join("\n")
}

fn step(planned: &Planned) -> Vec<String> {
    let Planned { text, change } = planned;
    let mut lines = vec![format!("{} {}", mark(change.kind), coloured(change.kind, text))];
    // Some texts say already why.
    lines.extend(change.meaning.iter().filter(|sentence| !text.contains(sentence.as_str())).map(|sentence| {
        let sentence = if change.destructive { style(sentence).red() } else { style(sentence).dim() };
        format!("    {sentence}")
    }));
    lines
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
        ops::plan::{Planned, Preview, SCHEMA},
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
            steps: steps.iter().map(|step| Planned { text: step.to_string(), change: step.change() }).collect(),
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
