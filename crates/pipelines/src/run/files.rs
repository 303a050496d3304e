//! The files by which a step sets variables and outputs: `GITHUB_ENV`, `GITHUB_OUTPUT`,
//! `GITHUB_STATE`, `GITHUB_PATH`, `GITHUB_STEP_SUMMARY`.

/// Outputs of one job together: GitHub's limit.
pub const JOB_OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// A step's summary: GitHub's limit.
pub const SUMMARY_BYTES_MAX: usize = 1024 * 1024;
/// A file of variables or outputs: no more than one job's outputs can hold, and room for names.
pub const COMMAND_FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a step wrote into its files, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandFiles {
    /// `GITHUB_ENV`.
    pub env: String,
    /// `GITHUB_OUTPUT`.
    pub output: String,
    /// `GITHUB_PATH`.
    pub path: String,
    /// `GITHUB_STATE`; there is no post-job step that could read it, so it is only checked.
    pub state: String,
}

/// The paths of one step's files, as the step sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFilePaths {
    /// `GITHUB_ENV`.
    pub env: String,
    /// `GITHUB_OUTPUT`.
    pub output: String,
    /// `GITHUB_PATH`.
    pub path: String,
    /// `GITHUB_STATE`.
    pub state: String,
    /// `GITHUB_STEP_SUMMARY`.
    pub summary: String,
}

/// Why a step's file is not accepted; the step fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandFileProblem {
    /// A line without `=` or `<<`.
    #[error("line {line} of {file} is neither NAME=VALUE nor NAME<<DELIMITER")]
    NoName {
        /// The variable that names the file.
        file: &'static str,
        /// From 1.
        line: usize,
    },
    /// The end of a value never comes.
    #[error("the value that begins at line {line} of {file} has no end line `{delimiter}`")]
    NoEnd {
        /// The variable that names the file.
        file: &'static str,
        /// From 1.
        line: usize,
        /// The line that was expected.
        delimiter: String,
    },
    /// A variable that belongs to the server or changes how programs load code.
    #[error("`{name}` cannot be set through GITHUB_ENV; it belongs to the runner")]
    ReservedName {
        /// The variable.
        name: String,
    },
    /// Too much.
    #[error("{file} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The variable that names the file.
        file: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
}

/// Names and values of `GITHUB_ENV`, in order.
pub fn environment(text: &str) -> Result<Vec<(String, String)>, CommandFileProblem> {
    let entries = entries("GITHUB_ENV", text)?;
    let reserved = |name: &str| {
        let upper = name.to_ascii_uppercase();
        upper.starts_with("GITHUB_") || upper.starts_with("RUNNER_") || upper == "NODE_OPTIONS"
    };
    match entries.iter().find(|(name, _)| reserved(name)) {
        Some((name, _)) => Err(CommandFileProblem::ReservedName { name: name.clone() }),
        None => Ok(entries),
    }
}

/// Names and values of `GITHUB_OUTPUT` or `GITHUB_STATE`, in order.
pub fn entries(
    file: &'static str,
    text: &str,
) -> Result<Vec<(String, String)>, CommandFileProblem> {
    if text.len() > COMMAND_FILE_BYTES_MAX {
        return Err(CommandFileProblem::TooLarge { file, limit_bytes: COMMAND_FILE_BYTES_MAX });
    }
    let mut entries = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let number = index + 1;
        let equals = line.find('=');
        let heredoc = line.find("<<");
        match (equals, heredoc) {
            (Some(at), other) if at > 0 && other.is_none_or(|heredoc| at < heredoc) => {
                entries.push((line[..at].to_owned(), line[at + 1..].to_owned()));
            }
            (_, Some(at)) if at > 0 && at + 2 < line.len() => {
                let delimiter = &line[at + 2..];
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some((_, end)) if end == delimiter => break,
                        Some((_, content)) => value.push(content),
                        None => {
                            let delimiter = delimiter.to_owned();
                            return Err(CommandFileProblem::NoEnd {
                                file,
                                line: number,
                                delimiter,
                            });
                        }
                    }
                }
                entries.push((line[..at].to_owned(), value.join("\n")));
            }
            _ => return Err(CommandFileProblem::NoName { file, line: number }),
        }
    }
    Ok(entries)
}

/// The folders of `GITHUB_PATH`, in order.
#[must_use]
pub fn paths(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

impl CommandFilePaths {
    /// The files of the step at `index` in a folder.
    #[must_use]
    pub fn of(folder: &str, index: usize) -> Self {
        let file = |name: &str| format!("{folder}/{name}_{index}");
        Self {
            env: file("env"),
            output: file("output"),
            path: file("path"),
            state: file("state"),
            summary: file("summary"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let read = environment(text);
        let expected = expected.map_err(str::to_owned).map(|entries| {
            entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        });
        assert_eq!(read.map_err(|problem| problem.to_string()), expected);
    }

    #[test]
    fn reads_lines_and_heredocs() {
        check("", Ok(&[]));
        check("A=1\nB=x=y\n\nC=", Ok(&[("A", "1"), ("B", "x=y"), ("C", "")]));
        check("A=1\r\nB=2\r\n", Ok(&[("A", "1"), ("B", "2")]));
        check("A<<EOF\none\n\ntwo=2\nEOF\nB=3", Ok(&[("A", "one\n\ntwo=2"), ("B", "3")]));
        check("A<<EOF\nEOF", Ok(&[("A", "")]));
        check("A=x<<y", Ok(&[("A", "x<<y")]));
        check("A<<E=F\nv\nE=F", Ok(&[("A", "v")]));
        check(
            "A=1\nnonsense",
            Err("line 2 of GITHUB_ENV is neither NAME=VALUE nor NAME<<DELIMITER"),
        );
        check("=1", Err("line 1 of GITHUB_ENV is neither NAME=VALUE nor NAME<<DELIMITER"));
        check("A<<", Err("line 1 of GITHUB_ENV is neither NAME=VALUE nor NAME<<DELIMITER"));
        check(
            "A<<EOF\nx\n EOF",
            Err("the value that begins at line 1 of GITHUB_ENV has no end line `EOF`"),
        );
        check(
            "github_sha=1",
            Err("`github_sha` cannot be set through GITHUB_ENV; it belongs to the runner"),
        );
        check(
            "NODE_OPTIONS=1",
            Err("`NODE_OPTIONS` cannot be set through GITHUB_ENV; it belongs to the runner"),
        );
    }

    #[test]
    fn refuses_a_file_that_is_too_large() {
        let text = format!("A={}", "x".repeat(COMMAND_FILE_BYTES_MAX));
        check(&text, Err("GITHUB_ENV is larger than 2097152 bytes"));
    }
}
