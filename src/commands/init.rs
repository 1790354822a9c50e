//! `kdev init`.

use std::{fs, io::Write, path::Path, process::ExitCode};

use clap::Args;

use super::Context;
use crate::{
    config::load::FILE_NAME,
    error::{Error, Result},
    template,
};

/// Arguments of `kdev init`.
#[derive(Debug, Args)]
pub struct InitArgs {}

/// Writes the files that are not there yet.
pub fn run(args: InitArgs, context: Context) -> Result<ExitCode> {
    let InitArgs {} = args;
    let toml = (FILE_NAME, template::KDEV_TOML.as_bytes());
    let (mut written, mut kept) = (0, 0);
    for (path, contents) in std::iter::once(toml).chain(template::APPS.iter().copied()) {
        if write_new(Path::new(path), contents)? {
            written += 1;
            context.ui.say(&format!("wrote  {path}"));
        } else {
            kept += 1;
            context.ui.say(&format!("kept   {path}   (it was there already)"));
        }
    }
    context.ui.say(&match (written, kept) {
        (0, _) => "nothing to write: all files were there".to_owned(),
        _ => "next: kdev up".to_owned(),
    });
    Ok(ExitCode::SUCCESS)
}

/// Writes those files of the apps that are not there yet into `directory`.
pub(super) fn write_apps(directory: &Path, context: &Context) -> Result<()> {
    for (path, contents) in template::APPS {
        if write_new(&directory.join(path), contents)? {
            context.ui.say(&format!("wrote  {path}"));
        }
    }
    Ok(())
}

/// Writes a file unless something of that name is there.
pub(crate) fn write_new(path: &Path, contents: &[u8]) -> Result<bool> {
    let wrong =
        |error: std::io::Error| Error::failed(format!("cannot write {}: {error}", path.display())).source(error);
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(wrong)?;
    }
    // `create_new` fails on anything that is there, links too: what is the user's is never touched.
    match fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(contents).map(|()| true).map_err(wrong),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(wrong(error)),
    }
}
