//! Every environment variable that c8dr reads, in one place.

use std::path::PathBuf;

use c8dr_domain::plain::plain;

/// Where runs, locks and the lab's files are kept. Default: `$XDG_STATE_HOME/c8dr`, else `~/.local/state/c8dr`.
pub const HOME: &str = "C8DR_HOME";
/// The configuration file, where `--config` is not given.
pub const CONFIG: &str = "C8DR_CONFIG";
/// What to log, as `tracing` directives. Default: warnings.
pub const LOG: &str = "C8DR_LOG";

/// Where kubeconfigs are, where the configuration names none. As kubectl has it.
pub const KUBECONFIG: &str = "KUBECONFIG";

/// A variable's value; unset and empty are the same.
pub fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The directory of everything that c8dr keeps.
pub fn home() -> PathBuf {
    let under = |variable: &str, below: &str| read(variable).map(|base| PathBuf::from(base).join(below));
    read(HOME)
        .map(PathBuf::from)
        .or_else(|| under("XDG_STATE_HOME", "c8dr"))
        .or_else(|| under("HOME", ".local/state/c8dr"))
        .or_else(|| under("USERPROFILE", "AppData/Local/c8dr"))
        .unwrap_or_else(|| PathBuf::from(".c8dr"))
}

/// Who is at work here, for journals and lock messages.
pub fn operator() -> String {
    let user = read("USER")
        .or_else(|| read("USERNAME"))
        .or_else(|| read("LOGNAME"))
        .unwrap_or_else(|| "somebody".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .or_else(|| read("HOSTNAME"))
        .or_else(|| read("COMPUTERNAME"))
        .unwrap_or_else(|| "this machine".to_owned());
    // Journals keep it and strangers read it: a name that drives a terminal is spelled out.
    plain(&format!("{user}@{host}, pid {}", std::process::id())).into_owned()
}
