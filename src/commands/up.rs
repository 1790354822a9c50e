//! `kdev up`.

use std::{borrow::Cow, process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    Context, Output, consent,
    plan::{self, PlanOutput},
};
use crate::{
    config::{Settings, load::Overrides},
    error::{Error, Result},
    ops::{Session, stakes::Planned, status, up},
    reconcile::Permission,
    status::Status,
    timeline::{KDEV, Timeline, Timing},
    ui::{self, progress::Shown},
};

/// Arguments of `kdev up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Leave the apps as they are: Kafka and topics only
    #[arg(long)]
    no_apps: bool,
    /// Build the apps' images even if nothing changed
    #[arg(long, conflicts_with = "no_apps")]
    build: bool,
    /// Show what would be changed, as `kdev plan` does, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Permit what takes records away for good; what goes is said before it goes
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "dry_run")]
    allow: Option<Allow>,
    /// How long to wait until all is healthy; while replicas are copied, from when nothing comes nearer
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = super::duration)]
    timeout: Duration,
    /// Show, in the end, where the time went
    #[arg(long, conflicts_with = "dry_run")]
    timings: bool,
    /// How to print what runs; `json` has the timings too
    #[arg(short, long, value_enum, default_value_t, conflicts_with = "dry_run")]
    output: Output,
}

/// What `up -o json` prints: for scripts, fields only ever added.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    /// The steps taken, in the order in which they ended.
    steps: Vec<String>,
    /// From the beginning of the command until all was healthy, milliseconds.
    ready_ms: u64,
    timings: Vec<Timing>,
    status: &'a Status,
}

/// What `--allow` permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allow {
    /// Deleting topics, and retention that deletes records which are there now
    DestroyData,
}

/// Makes the system what the file says, and shows it.
pub async fn run(args: UpArgs, context: Context) -> Result<ExitCode> {
    let timeline = Timeline::start();
    let UpArgs { no_apps, build, dry_run, allow, timeout, timings, output } = args;
    let ui = context.ui;
    let connecting = timeline.begin(KDEV, "connect to the engine");
    let session = context.session().await?;
    timeline.end(connecting);
    let permission = Permission::Nothing;
    let mut options = up::Options { apps: !no_apps, build, timeout, permission };
    let name = &session.settings.project.name;
    if dry_run {
        plan::show(&session, &options, PlanOutput::Text, &context).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut done = shown_up(&session, &options, &timeline, &context).await?;
    if !done.held.is_empty() {
        permit(&done.held, allow, &context).await?;
        options.permission = Permission::These(done.held.into_iter().map(|planned| planned.step).collect());
        options.build = false;
        let before = done.steps;
        done = shown_up(&session, &options, &timeline, &context).await?;
        done.steps.splice(0..0, before);
        // What has come up since was not shown, and nobody has permitted it.
        if !done.held.is_empty() {
            return Err(refused(&done.held));
        }
    }
    if done.steps.is_empty() {
        ui.say(&format!("{name} is as kdev.toml says: nothing to do"));
    }
    let ready_ms = u64::try_from(timeline.elapsed().as_millis()).unwrap_or(u64::MAX);
    let looking = timeline.begin(KDEV, "status");
    let status = status::status_after(&session, &done.world, done.observed, &done.steps).await?;
    timeline.end(looking);
    if output == Output::Json {
        let steps = done.steps.iter().map(ToString::to_string).collect();
        let timings = timeline.spans().into_iter().map(Timing::from).collect();
        super::print_json(&ui, &Report { schema: 1, steps, ready_ms, timings, status: &status })?;
        return Ok(ExitCode::SUCCESS);
    }
    ui.data(&ui::status::render(&status));
    if timings {
        ui.data(&format!("\n{}", ui::timeline::waterfall(&timeline.spans())));
    }
    ui.say(&next_commands(topic_to_try(&session.settings), &context.overrides));
    Ok(ExitCode::SUCCESS)
}

/// The topic that commands would take by themselves, or else the first by name: what is shown can be typed.
fn topic_to_try(settings: &Settings) -> &str {
    let topic = settings.default_topic().or_else(|| settings.topics.keys().next());
    topic.map_or("TOPIC", |topic| topic.as_str())
}

/// What to type next, for this very project.
fn next_commands(topic: &str, overrides: &Overrides) -> String {
    let Overrides { project, file } = overrides;
    let quoted = |text: &str| shlex::try_quote(text).map_or_else(|_| text.to_owned(), Cow::into_owned);
    let mut kdev = "kdev".to_owned();
    if let Some(project) = project {
        kdev.push_str(&format!(" -p {}", quoted(project)));
    }
    if let Some(file) = file {
        kdev.push_str(&format!(" -f {}", quoted(&file.to_string_lossy())));
    }
    let commands = [
        (format!("{kdev} consume {topic} -n 10"), "read records"),
        (format!("{kdev} produce {topic}"), "send some"),
        (format!("{kdev} logs -f"), "watch all services"),
    ];
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    let lines = commands.map(|(command, meaning)| format!("\n  {command:width$}   {meaning}"));
    format!("\nnext:{}", lines.concat())
}

async fn shown_up(
    session: &Session,
    options: &up::Options,
    timeline: &Timeline,
    context: &Context,
) -> Result<up::Done> {
    let shown = Shown::start_with(&context.ui, timeline.clone());
    let result = up::up(session, options, &shown.events(), &context.cancel).await;
    shown.finish().await;
    result
}

/// Says what would take records away, and goes on only where that is permitted, beforehand or now.
async fn permit(held: &[Planned], allow: Option<Allow>, context: &Context) -> Result<()> {
    let lines: Vec<String> = held.iter().map(ui::plan::destroys).collect();
    if let Some(Allow::DestroyData) = allow {
        for line in &lines {
            context.ui.warning(line);
        }
        return Ok(());
    }
    if consent::can_ask(context) {
        for line in &lines {
            context.ui.warning(line);
        }
        if consent::ask(context, "This takes records away for good.").await? {
            return Ok(());
        }
    }
    Err(refused(held))
}

fn refused(held: &[Planned]) -> Error {
    let message = match held.len() {
        1 => "one change takes records away for good, and was left undone; all else is as kdev.toml says".to_owned(),
        n => format!("{n} changes take records away for good, and were left undone; all else is as kdev.toml says"),
    };
    Error::failed(message)
        .details(held.iter().map(ui::plan::destroys))
        .hint("kdev up --allow destroy-data")
        .hint("change kdev.toml back; kdev plan shows what is left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_type_next_names_the_same_project() {
        let overrides = Overrides { project: Some("blog".to_owned()), file: Some("my dir/kdev.toml".into()) };
        insta::assert_snapshot!(next_commands("posts", &overrides), @r"

        next:
          kdev -p blog -f 'my dir/kdev.toml' consume posts -n 10   read records
          kdev -p blog -f 'my dir/kdev.toml' produce posts         send some
          kdev -p blog -f 'my dir/kdev.toml' logs -f               watch all services
        ");
    }
    #[test]
    fn of_several_topics_the_first_is_named_in_what_to_type_next() {
        let settings = |toml: &str| {
            let path = std::path::Path::new("/blog/kdev.toml");
            crate::config::check::file(None, path, toml, &crate::config::machine::Machine::default()).unwrap()
        };
        assert_eq!(topic_to_try(&settings("[topics.refunds]\n[topics.orders]\n")), "orders");
        assert_eq!(topic_to_try(&settings("[topics.posts]\n[topics.orders]\n")), "posts");
    }
}
