//! What the rules look at: the tracked files, the workspace's packages and the locked dependency tree.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// What git tells its hooks. Started from one, we mean the repository of our folder, whatever the hook's is.
const GIT_HOOK_VARIABLES: [&str; 3] = ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"];

/// A repository as the rules see it.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// The tracked text files, ordered by path. Binary files are left out.
    pub(crate) files: Vec<TrackedFile>,
    /// The packages of the workspace.
    pub(crate) packages: Vec<Package>,
    /// For every locked package the names of those it depends on, whatever the target and the feature.
    pub(crate) locked: BTreeMap<String, BTreeSet<String>>,
}

/// A text file under version control.
#[derive(Debug)]
pub(crate) struct TrackedFile {
    /// Relative to the repository's root, with `/` between folders.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
}

impl TrackedFile {
    /// Whether this is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The lines, each with its number counted from 1.
    pub(crate) fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// A package of the workspace with the dependencies it declares itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// The package's name, such as `c8dr-domain`.
    pub(crate) name: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as a manifest declares it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The name of the package that is depended on.
    pub(crate) name: String,
    /// What it is needed for.
    #[serde(default)]
    pub(crate) kind: Option<DependencyKind>,
}

/// What a dependency is needed for, when it is not needed by the product itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DependencyKind {
    /// Tests, examples and benchmarks.
    Dev,
    /// The build script.
    Build,
}

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// A program that we need did not start.
    #[error("`{program}` did not start: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// The reason.
        source: io::Error,
    },
    /// A program that we need did not do its work.
    #[error("`{program}` failed: {message}")]
    Failed {
        /// The program.
        program: String,
        /// What it wrote to its standard error.
        message: String,
    },
    /// A file could not be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// What `cargo metadata` printed was not what we know.
    #[error("`cargo metadata` answered in an unknown form: {0}")]
    Metadata(#[from] serde_json::Error),
}

impl Repository {
    /// Reads what is tracked under `root`. Needs `git` and `cargo`, but neither network nor a build.
    pub(crate) fn load(root: &Path) -> Result<Self, LoadError> {
        let root = root.canonicalize().map_err(|source| LoadError::Unreadable {
            path: root.into(),
            source,
        })?;
        let mut files = Vec::new();
        for path in tracked_paths(&root)? {
            match fs::read(root.join(&path)) {
                // What is not text is not ours to judge.
                Ok(bytes) => files.extend(
                    String::from_utf8(bytes)
                        .ok()
                        .map(|text| TrackedFile { path, text }),
                ),
                // Deleted but not committed yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(LoadError::Unreadable {
                        path: root.join(path),
                        source,
                    });
                }
            }
        }
        let locked = files
            .iter()
            .find(|file| file.path == "Cargo.lock")
            .map(|file| locked(&file.text));
        Ok(Repository {
            files,
            packages: packages(&root)?,
            locked: locked.unwrap_or_default(),
        })
    }

    /// A made-up repository of these files (path, text).
    #[cfg(test)]
    pub(crate) fn sample(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| TrackedFile {
            path: path.into(),
            text: text.into(),
        };
        Repository {
            files: files.iter().map(file).collect(),
            ..Repository::default()
        }
    }

    /// The line of the manifest `path` (counted from 1) that declares the dependency `name`; 1 if there is none.
    pub(crate) fn line_declaring(&self, path: &str, name: &str) -> usize {
        let starts = [".", " ", "="].map(|end| format!("{name}{end}"));
        let lines = starts.iter().map(|start| self.line_beginning(path, start));
        lines.max().unwrap_or(1)
    }

    /// The line of `path` (counted from 1) that begins with `start`; 1 if there is none.
    pub(crate) fn line_beginning(&self, path: &str, start: &str) -> usize {
        let file = self.files.iter().find(|file| file.path == path);
        let line = file.and_then(|file| file.numbered_lines().find(|(_, line)| line.starts_with(start)));
        line.map_or(1, |(number, _)| number)
    }
}

/// The paths of all tracked files, relative to `root` and in order.
fn tracked_paths(root: &Path) -> Result<Vec<String>, LoadError> {
    // Continuous integration often runs as somebody else than who owns the checkout, which git refuses unless told.
    let trust = format!("safe.directory={}", root.display());
    let list = output(
        root,
        OsStr::new("git"),
        &["-c", &trust, "ls-files", "-z", "--cached", "--full-name"],
    )?;
    let paths: BTreeSet<String> = list
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    Ok(paths.into_iter().collect())
}

/// The workspace's packages, as cargo understands their manifests.
fn packages(root: &Path) -> Result<Vec<Package>, LoadError> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let json = output(
        root,
        &cargo,
        &["metadata", "--no-deps", "--offline", "--format-version", "1"],
    )?;
    let Metadata { packages } = serde_json::from_str(&json)?;
    Ok(packages)
}

/// What a program writes to its standard output.
fn output(folder: &Path, program: &OsStr, arguments: &[&str]) -> Result<String, LoadError> {
    let name = || {
        Path::new(program)
            .file_name()
            .unwrap_or(program)
            .display()
            .to_string()
    };
    let mut command = Command::new(program);
    for variable in GIT_HOOK_VARIABLES {
        command.env_remove(variable);
    }
    let result = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|source| LoadError::NotStarted {
            program: name(),
            source,
        })?;
    if !result.status.success() {
        let message = String::from_utf8_lossy(&result.stderr).trim().to_owned();
        return Err(LoadError::Failed {
            program: name(),
            message,
        });
    }
    Ok(String::from_utf8_lossy(&result.stdout).into_owned())
}

/// Who depends on whom, from the text of a `Cargo.lock`. Versions of the same package are taken together, which
/// can only show more than is there, never less.
pub(crate) fn locked(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tree: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut package = None;
    for line in lock.lines() {
        if let Some(name) = line.strip_prefix("name = \"") {
            package = Some(tree.entry(name.trim_end_matches('"').to_owned()).or_default());
        } else if let (Some(dependency), Some(dependencies)) = (line.strip_prefix(" \""), package.as_mut()) {
            // `"name"`, `"name version"` or `"name version (source)"`, with a comma behind.
            let name = dependency.split(['"', ' ']).next().unwrap_or_default();
            dependencies.insert(name.to_owned());
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::{DependencyKind, LoadError, Repository, locked, output};

    #[test]
    fn loads_what_is_tracked_and_still_there_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let write = |path: &str, bytes: &[u8]| {
            fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("a folder");
            fs::write(root.join(path), bytes).expect("a written file");
        };
        let git = |arguments: &[&str]| {
            output(root, OsStr::new("git"), arguments).expect("git does its work");
        };
        write(
            "Cargo.toml",
            b"[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
        );
        write(
            "crates/domain/Cargo.toml",
            b"[package]\nname = \"c8dr-domain\"\nedition = \"2024\"\n\n[dependencies]\nc8dr-engine.path = \"../engine\"\n\n\
              [dev-dependencies]\nc8dr-lab.path = \"../lab\"\n",
        );
        write("crates/domain/src/lib.rs", b"//! Nouns.\n");
        for room in ["engine", "lab"] {
            let manifest = format!("[package]\nname = \"c8dr-{room}\"\nedition = \"2024\"\n");
            write(&format!("crates/{room}/Cargo.toml"), manifest.as_bytes());
            write(&format!("crates/{room}/src/lib.rs"), b"//! A room.\n");
        }
        write("picture.png", b"\x89PNG\xff");
        write("gone.rs", b"//! Soon deleted.\n");
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        fs::remove_file(root.join("gone.rs")).expect("the file is removed");
        write("scratch.rs", b"not tracked");

        let repository = Repository::load(root).expect("the repository can be read");

        let paths: Vec<_> = repository.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "Cargo.toml",
                "crates/domain/Cargo.toml",
                "crates/domain/src/lib.rs",
                "crates/engine/Cargo.toml",
                "crates/engine/src/lib.rs",
                "crates/lab/Cargo.toml",
                "crates/lab/src/lib.rs",
            ]
        );
        let domain = repository
            .packages
            .iter()
            .find(|package| package.name == "c8dr-domain")
            .expect("domain");
        let mut kinds: Vec<_> = domain
            .dependencies
            .iter()
            .map(|d| (d.name.as_str(), d.kind))
            .collect();
        kinds.sort_by_key(|&(name, _)| name);
        assert_eq!(
            kinds,
            [("c8dr-engine", None), ("c8dr-lab", Some(DependencyKind::Dev))]
        );
    }

    #[test]
    fn a_folder_without_git_is_an_error_that_names_the_program() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = Repository::load(folder.path()).expect_err("there is no repository");
        assert!(
            matches!(&error, LoadError::Failed { program, .. } if program == "git"),
            "{error}"
        );
    }

    #[test]
    fn a_lock_file_tells_who_depends_on_whom() {
        let tree = locked(
            "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b\",\n \"c 2.0.0\",\n]\n\n\
             [[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\n\
             [[package]]\nname = \"a\"\nversion = \"2.0.0\"\ndependencies = [\n \"d\",\n]\n",
        );
        let of = |name: &str| tree[name].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(of("a"), ["b", "c", "d"], "both versions of a");
        assert!(of("b").is_empty());
    }
}
