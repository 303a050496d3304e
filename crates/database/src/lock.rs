//! The lock on a data folder: one server at a time, and the other's process id when it is taken.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A held lock on a data folder. It ends when this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock {
    /// Open for as long as the lock is held: the lock belongs to the open file.
    _file: File,
}

/// Why a data folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process uses the folder.
    #[error("{} is in use by process {}", folder.display(), known(*pid))]
    Held {
        /// The folder.
        folder: PathBuf,
        /// The other process; `None` when it has not written its id yet.
        pid: Option<u32>,
    },
    /// The lock's file could not be opened or written.
    #[error("{} could not be locked", folder.display())]
    File {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl DataLock {
    /// Locks the folder, creating it when it is not there, and writes this process's id into
    /// `boucle.lock`.
    ///
    /// Never waits for a process that lives. A child that a killed server was just starting holds
    /// the lock with it until it becomes another program: that is over in a moment, and waited for.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::File { folder: folder.to_path_buf(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let path = folder.join("boucle.lock");
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(path).map_err(failed)?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
            let pid = read_pid(&mut file).map_err(failed)?;
            if pid.is_none_or(lives) || start.elapsed() > LEFT_HELD_MAX {
                return Err(LockError::Held { folder: folder.to_path_buf(), pid });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        write_pid(&mut file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// A child becomes another program within milliseconds; on a machine that hardly runs, within this.
const LEFT_HELD_MAX: Duration = Duration::from_secs(5);
/// Short beside the start of a server.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whether a process runs; one that was killed and not yet waited for does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn read_pid(file: &mut File) -> std::io::Result<Option<u32>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().parse().ok())
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    file.sync_all()
}

fn known(pid: Option<u32>) -> String {
    pid.map_or_else(|| "(not known yet)".into(), |pid| pid.to_string())
}
