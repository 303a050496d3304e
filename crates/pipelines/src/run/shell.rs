//! How a `run` step's script is started: GitHub's shells for Linux.

/// A shell, ready to start a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// Command lines to try, best first; the first whose program is there is used. `{0}` stands for
    /// the script's path.
    pub candidates: Vec<Vec<String>>,
    /// The script file's extension, with the dot; may be empty.
    pub extension: &'static str,
}

/// Why a `shell` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShellProblem {
    /// A custom command without a place for the script.
    #[error("the shell `{shell}` has no {{0}} for the script's path")]
    NoScript {
        /// As written.
        shell: String,
    },
    /// A shell of another system.
    #[error("the shell `{shell}` exists on Windows only; use bash, sh or python")]
    OtherSystem {
        /// As written.
        shell: String,
    },
}

impl Shell {
    /// The shell that a step names, or the default one.
    pub fn named(shell: Option<&str>) -> Result<Self, ShellProblem> {
        let (lines, extension): (&[&str], _) = match shell {
            // The difference between the default and `bash` (pipefail) is GitHub's.
            None => (&["bash -e {0}", "sh -e {0}"], ".sh"),
            Some("bash") => (&["bash --noprofile --norc -eo pipefail {0}"], ".sh"),
            Some("sh") => (&["sh -e {0}"], ".sh"),
            Some("python") => (&["python {0}", "python3 {0}"], ".py"),
            Some("pwsh") => (&["pwsh -NoLogo -NonInteractive -File {0}"], ".ps1"),
            Some(shell @ ("cmd" | "powershell")) => {
                return Err(ShellProblem::OtherSystem { shell: shell.to_owned() });
            }
            Some(shell) if shell.contains("{0}") => (&[shell], ""),
            Some(shell) => return Err(ShellProblem::NoScript { shell: shell.to_owned() }),
        };
        let words = |line: &&str| line.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(Self { candidates: lines.iter().map(words).collect(), extension })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shell: Option<&str>, expected: &str) {
        let text = match Shell::named(shell) {
            Ok(shell) => {
                let lines: Vec<_> = shell.candidates.iter().map(|words| words.join(" ")).collect();
                lines.join(" | ")
            }
            Err(problem) => problem.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn shells() {
        check(None, "bash -e {0} | sh -e {0}");
        check(Some("bash"), "bash --noprofile --norc -eo pipefail {0}");
        check(Some("sh"), "sh -e {0}");
        check(Some("perl -w {0}"), "perl -w {0}");
        check(Some("perl"), "the shell `perl` has no {0} for the script's path");
        check(Some("cmd"), "the shell `cmd` exists on Windows only; use bash, sh or python");
    }
}
