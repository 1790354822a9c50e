//! Building an app's image through the API's own builder.

use std::collections::{HashMap, VecDeque};

use bollard::{body_try_stream, query_parameters::BuildImageOptionsBuilder};
use futures_util::StreamExt;

use super::{
    Engine,
    context::Context,
    credentials, fault,
    images::whole_id,
    proxy,
    pull::{self, Mirror},
    tarball,
};
use crate::{
    error::{Error, Result},
    event::{Progress, StepProgress},
    model::label,
    observed::ImageId,
    plan::BuildPlan,
    template::EmbeddedFiles,
};

/// How many of a failed step's last lines are shown.
const LINES: usize = 20;

impl Engine {
    /// Builds an image, reporting [`Progress::Steps`], and returns its id. With `rebuild`, no step is
    /// taken from the engine's cache. The files are sent while they are read.
    ///
    /// # Errors
    /// The failing step with its last 20 lines; a base image that cannot be pulled, with how to name a
    /// mirror; a file that cannot be read; [`crate::error::Kind::Usage`] where the context or the
    /// Dockerfile is missing.
    pub async fn build(
        &self,
        plan: &BuildPlan,
        embedded: EmbeddedFiles,
        progress: &StepProgress,
        rebuild: bool,
    ) -> Result<ImageId> {
        let app = plan.labels.get(label::SERVICE).cloned().unwrap_or_else(|| plan.tag.clone());
        let (source, dockerfile) = (plan.source.clone(), plan.dockerfile.clone());
        let named = app.clone();
        let context = fault::blocking(move || -> Result<_> {
            let context = Context::open(&named, &source, &dockerfile, embedded)?;
            let text = context.dockerfile_text();
            Ok((context, text))
        });
        let (context, dockerfile_text) = context.await?;
        let stored = credentials::for_build(&dockerfile_text, &plan.args).await;

        // A proxy is needed to reach anything; it is no part of the image, and an argument of the
        // plan's own goes before it.
        let mut args: HashMap<String, String> = proxy::of_process().into_iter().collect();
        args.extend(plan.args.clone());
        let options = BuildImageOptionsBuilder::new()
            .dockerfile(context.dockerfile())
            .t(&plan.tag)
            .nocache(rebuild)
            .rm(true)
            .forcerm(true)
            .buildargs(&args)
            .labels(&plan.labels.clone().into_iter().collect::<HashMap<_, _>>())
            .build();
        let (files, sending) = tarball::stream(context);
        let body = body_try_stream(files);
        let mut transcript = Transcript::default();
        let mut failure = None;
        let mut answer = self.patient().build_image(options, Some(stored), Some(body));
        while let Some(item) = answer.next().await {
            match item {
                Ok(info) => {
                    if let Some(id) = info.aux.and_then(|aux| aux.id) {
                        transcript.image = Some(id);
                    }
                    for now in info.stream.iter().flat_map(|text| transcript.take(text)) {
                        progress.report(now);
                    }
                }
                Err(fault) => {
                    failure = Some(fault);
                    break;
                }
            }
        }
        drop(answer);
        // Where reading a file failed, that is the reason, and the engine's complaint follows from it.
        match sending.await {
            Ok(sent) => sent.map_err(|error| error.while_(format!("building the image of app `{app}`")))?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
        match (failure, transcript.image.take()) {
            (None, Some(id)) => self.full_id(id, &plan.tag).await,
            (failure, _) => Err(explain(&app, plan, &dockerfile_text, &transcript, failure)),
        }
    }

    /// Older builders tell only the first twelve digits of the id.
    async fn full_id(&self, told: String, tag: &str) -> Result<ImageId> {
        if told.trim_start_matches("sha256:").len() == 64 {
            return Ok(whole_id(told));
        }
        let found = self.image_id(&told).await?;
        found.ok_or_else(|| Error::failed(format!("the image {tag} was built, and is gone already")))
    }
}

/// What the builder said so far.
#[derive(Debug, Default)]
struct Transcript {
    /// `Step 3/11 : RUN …`, as the builder wrote it.
    step: Option<String>,
    /// The last lines of that step.
    lines: VecDeque<String>,
    /// The finished image.
    image: Option<String>,
    /// A line that has not ended yet.
    open: String,
}

impl Transcript {
    /// Takes a piece of output in; says which steps began.
    fn take(&mut self, text: &str) -> Vec<Progress> {
        self.open.push_str(text);
        let mut begun = Vec::new();
        while let Some(end) = self.open.find('\n') {
            let line: String = self.open.drain(..=end).collect();
            begun.extend(self.line(line.trim_end()));
        }
        begun
    }

    fn line(&mut self, line: &str) -> Option<Progress> {
        // pip and others redraw a line with carriage returns: the last state is what counts.
        let line = line.rsplit('\r').next().unwrap_or(line);
        // The classic builder writes what a step says on stderr in red.
        let line = &*console::strip_ansi_codes(line);
        if let Some((done, total, text)) = step(line) {
            self.step = Some(line.to_owned());
            self.lines.clear();
            return Some(Progress::Steps { done, total, text: text.to_owned() });
        }
        if let Some(id) = line.strip_prefix("Successfully built ") {
            self.image.get_or_insert_with(|| id.trim().to_owned());
        } else if !line.trim().is_empty() && !is_builders_own(line) {
            if self.lines.len() == LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(line.to_owned());
        }
        None
    }
}

/// What the builder says of itself between the steps' output.
fn is_builders_own(line: &str) -> bool {
    line.starts_with(" ---> ") || line.starts_with("Removing intermediate container ")
}

/// `Step 3/11 : RUN x` of Docker, `STEP 3/11: RUN x` of Podman.
fn step(line: &str) -> Option<(u32, u32, &str)> {
    let rest = line.strip_prefix("Step ").or_else(|| line.strip_prefix("STEP "))?;
    let (numbers, text) = rest.split_once(':')?;
    let (done, total) = numbers.trim().split_once('/')?;
    Some((done.parse().ok()?, total.parse().ok()?, text.trim()))
}

fn explain(
    app: &str,
    plan: &BuildPlan,
    dockerfile_text: &str,
    transcript: &Transcript,
    failure: Option<bollard::errors::Error>,
) -> Error {
    let doing = format!("building the image of app `{app}` from {}", plan.dockerfile);
    let reason = match &failure {
        Some(fault) if is_connection(fault) => {
            return fault::error(doing, failure.expect("it was just matched as present"));
        }
        Some(fault) => fault::reason(fault),
        None => "the builder ended without an image".to_owned(),
    };
    let step_text = transcript.step.as_deref().and_then(step).map(|(_, _, text)| text.to_owned());
    let base = step_text.as_deref().and_then(|text| text.strip_prefix("FROM "));
    let error = match (base, &transcript.step) {
        // The engine pulls the base image by itself: what fails there is the pull.
        (Some(base), _) => {
            let image = base.split_whitespace().find(|word| !word.starts_with("--")).unwrap_or(base);
            let uses_ours = dockerfile_text.contains("PYTHON_IMAGE");
            pull::explain(image, &reason, if uses_ours { Mirror::Python } else { Mirror::Own })
        }
        (None, Some(step)) => Error::failed(format!("the image of app `{app}` cannot be built: {reason}"))
            .details([step.clone()])
            .details(transcript.lines.iter().map(|line| format!("  {line}"))),
        (None, None) => Error::failed(format!("the image of app `{app}` cannot be built: {reason}"))
            .details(transcript.lines.iter().cloned()),
    };
    let error = error.while_(doing);
    match failure {
        Some(fault) => error.source(fault),
        None => error,
    }
}

fn is_connection(fault: &bollard::errors::Error) -> bool {
    fault::io_error(fault).is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::BuildSource;

    fn plan() -> BuildPlan {
        BuildPlan {
            tag: "t".to_owned(),
            source: BuildSource::Embedded,
            dockerfile: "Dockerfile.producer".to_owned(),
            args: BTreeMap::new(),
            spec: "0".to_owned(),
            labels: BTreeMap::new(),
        }
    }

    fn failed(said: &str) -> Option<bollard::errors::Error> {
        Some(bollard::errors::Error::DockerStreamError { error: said.to_owned() })
    }

    #[test]
    fn steps_are_counted_in_both_engines_words_even_in_pieces() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.take("Step 2/5 : RUN a"), []);
        let expected = Progress::Steps { done: 2, total: 5, text: "RUN a:b".to_owned() };
        assert_eq!(transcript.take(":b\n ---> Running"), [expected]);
        let expected = Progress::Steps { done: 3, total: 5, text: "USER 1".to_owned() };
        assert_eq!(transcript.take("\nSTEP 3/5: USER 1\n"), [expected]);
        transcript.take("Successfully built 0123456789ab\n");
        assert_eq!(transcript.image.as_deref(), Some("0123456789ab"));
    }

    #[test]
    fn a_failing_step_is_shown_with_its_last_twenty_lines() {
        let mut transcript = Transcript::default();
        transcript.take("Step 1/2 : FROM x\nearlier\nStep 2/2 : RUN make\n");
        for n in 1..=25 {
            transcript.take(&format!("\x1b[91mline {n}\n\x1b[0m"));
        }
        transcript.take(" ---> Running in 0123\n\x1b[0mRemoving intermediate container 0123\n");
        let error = explain("producer", &plan(), "", &transcript, failed("returned a non-zero code: 2"));
        assert_eq!(error.message, "the image of app `producer` cannot be built: returned a non-zero code: 2");
        assert_eq!(error.details.len(), 21);
        assert_eq!(error.details[0], "Step 2/2 : RUN make");
        assert_eq!(error.details[1], "  line 6");
        assert_eq!(error.context, ["building the image of app `producer` from Dockerfile.producer"]);
    }

    #[test]
    fn a_base_image_that_cannot_be_pulled_is_told_as_a_pull() {
        let mut transcript = Transcript::default();
        transcript.take("Step 1/2 : FROM python:3.13-slim AS wheels\n");
        let error = explain("p", &plan(), "ARG PYTHON_IMAGE=x", &transcript, failed("dial tcp: no such host"));
        assert_eq!(error.message, "the image python:3.13-slim cannot be pulled: Docker Hub cannot be reached");
        assert!(error.hints.iter().any(|hint| hint.starts_with("KDEV_PYTHON_IMAGE=")));
    }
}
