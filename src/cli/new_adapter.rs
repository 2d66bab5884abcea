//! `lawbook new-adapter`: the skeleton of an adapter, which already greets and answers one op.

use std::path::PathBuf;

use super::{Console, Ending, find, quoted};
use crate::entry::{Mechanisms, Trouble};
use crate::files::{FileError, make_folder, write_whole};
use crate::mechanisms::skeletons;
use crate::new_adapter::Language;

/// Writes the skeleton of an adapter, which answers the greeting and one op
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// In which language
    #[arg(value_name = "LANGUAGE", value_enum)]
    language: Language,

    /// Of which mechanism
    #[arg(value_name = "MECHANISM")]
    mechanism: String,

    /// Where: a folder that does not have such files yet
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(
    options: &Options,
    mechanisms: &Mechanisms,
    console: &mut Console<'_>,
) -> Result<Ending, Trouble> {
    let entry = find(mechanisms, &options.mechanism)?;
    let skeletons = skeletons();
    let skeleton = skeletons.iter().find(|skeleton| skeleton.mechanism == entry.name());
    let Some(skeleton) = skeleton else {
        return Err(Trouble::Wrong(format!("there is no skeleton of {}", entry.name())));
    };
    let files = skeleton.files(options.language, &entry.schema());
    let path = |file: &str| options.folder.join(file);
    for file in &files {
        if path(file.path).symlink_metadata().is_ok() {
            let what = "expected no such file yet, found one: nothing is written";
            return Err(FileError::new(path(file.path).display(), what).into());
        }
    }
    let mut text = String::new();
    for file in &files {
        let path = path(file.path);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        write_whole(&path, file.content.as_bytes())?;
        text += &format!("{}\n", path.display());
    }
    let readme = path("README.md").display().to_string();
    console.print(&format!("{text}{} says how to go on\n", quoted(&readme)))?;
    Ok(Ending::Kept)
}
