use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The daemon's settings.
pub(crate) const LINETWIN_TOML: &str = "linetwin.toml";
/// The plant.
pub(crate) const PLANT_TOML: &str = "plant.toml";
/// The folder of tag lists.
const TAGS: &str = "tags";
/// The folder of the plant's own runbook.
const RUNBOOK: &str = "runbook";
/// The folders of which files are read, and how the names of these end.
const FOLDERS: [(&str, &str); 2] = [(TAGS, ".csv"), (RUNBOOK, ".toml")];

/// The texts of a configuration: `linetwin.toml`, `plant.toml`, `tags/*.csv` and `runbook/*.toml`, by name relative to
/// their folder.
///
/// Loading works on these alone, so that a configuration may also come from inside the program or from a recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files(BTreeMap<String, String>);

/// A configuration folder that could not be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read {path}: {source}; expected a configuration folder with linetwin.toml, plant.toml and tags/*.csv, \
         each in UTF-8"
)]
pub struct FilesError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Files {
    /// Reads the files of a configuration folder. Other files in it are left alone; one that is missing is left out,
    /// for loading to complain about.
    ///
    /// # Errors
    /// If the folder or one of the files cannot be read, or is not UTF-8.
    pub fn read_dir(folder: &Path) -> Result<Self, FilesError> {
        let mut files = BTreeMap::new();
        let present = names_in(folder)?;
        for name in [LINETWIN_TOML, PLANT_TOML].into_iter().filter(|name| present.iter().any(|file| file == name)) {
            files.insert(name.to_owned(), read(&folder.join(name))?);
        }
        for (inner, ending) in FOLDERS.into_iter().filter(|(inner, _)| present.iter().any(|name| name == inner)) {
            for name in names_in(&folder.join(inner))?.into_iter().filter(|name| name.ends_with(ending)) {
                let name = format!("{inner}/{name}");
                let text = read(&folder.join(&name))?;
                files.insert(name, text);
            }
        }
        Ok(Self(files))
    }

    /// The files of these names and texts.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        Self(pairs.into_iter().map(|(name, text)| (name.into(), text.into())).collect())
    }

    /// Names and texts, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The text of a file.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and texts of the tag lists.
    pub(crate) fn tag_lists(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| is_tag_list(name))
    }
}

/// The name of the file with the plant's own runbook in a language.
pub(crate) fn runbook_file(language: &str) -> String {
    format!("{RUNBOOK}/{language}.toml")
}

fn is_tag_list(name: &str) -> bool {
    name.strip_prefix(TAGS).is_some_and(|rest| rest.starts_with('/') && rest.ends_with(".csv"))
}

fn names_in(folder: &Path) -> Result<Vec<String>, FilesError> {
    let failed = |source| FilesError { path: folder.to_owned(), source };
    fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()))
        .collect()
}

fn read(path: &Path) -> Result<String, FilesError> {
    fs::read_to_string(path).map_err(|source| FilesError { path: path.to_owned(), source })
}
