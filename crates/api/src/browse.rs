//! What a person who reads a repository sees: folders, files, history, authors of lines, places of a
//! text.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::pull_requests::FileDifference;
use crate::repositories::Commit;

/// Which path of which revision.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PathQuery {
    /// A branch, a tag or a commit; the default branch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// From the root, `/` between parts; the root when absent.
    #[serde(default)]
    pub path: String,
}

/// Which branches or tags.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReferenceQuery {
    /// `branch` (the default) or `tag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only names with this text.
    #[serde(default)]
    pub filter: String,
    /// Where to go on, from `next_cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 1 to 500; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A branch or tag with its newest commit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NamedReference {
    /// The short name, `main`.
    pub name: String,
    /// Whether pull requests go to it when nobody says otherwise.
    pub default: bool,
    /// The commit that it points to.
    pub commit: Commit,
}

/// A folder of a commit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Folder {
    /// The commit.
    pub commit: Commit,
    /// From the root; empty for the root.
    pub path: String,
    /// Folders first, then by name.
    pub entries: Vec<Entry>,
    /// The folder's own README.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readme: Option<Readme>,
}

/// An entry of a folder.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// From the root.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// The size of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A symbolic link; it is shown, never followed.
    Link,
    /// A commit of another repository.
    Submodule,
}

/// A README, as its author wrote it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Readme {
    /// The file.
    pub path: String,
    /// Its text; Markdown when the name ends in `.md`.
    pub text: String,
}

/// A file of a commit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// The commit.
    pub commit: Commit,
    /// From the root.
    pub path: String,
    /// What it is: a file, a link (the text is where it leads) or a submodule.
    pub kind: EntryKind,
    /// The object; a change of the file is made on the condition that it is still this one.
    pub object: String,
    /// Its size.
    pub bytes: u64,
    /// The text; absent when the file is no text or larger than what is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why there is no text: `binary` or `too_large`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_text: Option<String>,
}

/// Who wrote each line of a file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Blame {
    /// The file.
    pub path: String,
    /// In order of the lines.
    pub spans: Vec<BlameSpan>,
    /// The commits of the spans.
    pub commits: Vec<Commit>,
}

/// Consecutive lines that one commit brought.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BlameSpan {
    /// The first line, from 1.
    pub first_line: u32,
    /// How many lines.
    pub lines: u32,
    /// The commit's id.
    pub commit: String,
}

/// What is looked for in a repository.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// The text, at least two characters; letter case does not matter.
    pub text: String,
    /// `names` or `content` (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// A branch, a tag or a commit; the default branch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// At most this many, 1 to 500; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What a search found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SearchResult {
    /// The places, by path and line.
    pub matches: Vec<Match>,
    /// False when there may be more.
    pub complete: bool,
}

/// Where a text stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Match {
    /// The file.
    pub path: String,
    /// The line, from 1; absent when the path itself matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The line's text, cut when it is long.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A commit with what it changed against its first parent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CommitChange {
    /// The commit.
    pub commit: Commit,
    /// Each changed file.
    pub files: Vec<FileDifference>,
}

/// A change of files, made as a commit on a branch of its own with a pull request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeEdit {
    /// One line.
    pub title: String,
    /// The text below the title.
    #[serde(default)]
    pub description: String,
    /// The branch that it should go to; the default branch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Each file.
    pub edits: Vec<FileEdit>,
}

/// A file's new text.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileEdit {
    /// From the root.
    pub path: String,
    /// The new text; absent: the file is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The object that the text was written over; absent: there was no file. When the branch has
    /// another one by now, nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_object: Option<String>,
}
