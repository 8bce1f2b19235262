//! `install`: what the tests need and a bare Debian 12 with Rust lacks.
//!
//! Programs come from Debian's packages, by name and only if no program of that name is there already; the peers
//! come pinned from PyPI and npm into the target folder. Whatever is there already is left alone.

use std::{fs, path::Path};

use crate::{
    Failure,
    flags::Flags,
    report::{Outcome, Report},
    shell::{Run, root, shorten, target},
};

/// A program, how to see that it works, and the Debian packages that bring it.
pub(crate) struct Need {
    pub(crate) name: &'static str,
    pub(crate) probe: &'static [&'static str],
    pub(crate) packages: &'static [&'static str],
}

/// What the tests of this workspace need.
pub(crate) const NEEDS: [Need; 18] = [
    Need {
        name: "a C linker",
        probe: &["cc", "--version"],
        packages: &["gcc", "libc6-dev"],
    },
    Need {
        name: "g++",
        probe: &["g++", "--version"],
        packages: &["g++"],
    },
    Need {
        name: "valgrind",
        probe: &["valgrind", "--version"],
        packages: &["valgrind"],
    },
    Need {
        name: "Python 3 with venv and pip",
        probe: &["python3", "-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
    Need {
        name: "Node.js",
        probe: &["node", "--version"],
        packages: &["nodejs"],
    },
    Need {
        name: "npm",
        probe: &["npm", "--version"],
        packages: &["npm"],
    },
    Need {
        name: "curl",
        probe: &["curl", "--version"],
        packages: &["curl"],
    },
    Need {
        name: "git",
        probe: &["git", "--version"],
        packages: &["git"],
    },
    Need {
        name: "OpenSSL's program",
        probe: &["openssl", "version"],
        packages: &["openssl"],
    },
    Need {
        name: "Chromium",
        probe: &["chromium", "--version"],
        packages: &["chromium"],
    },
    Need {
        name: "nginx",
        probe: &["nginx", "-v"],
        packages: &["nginx-light"],
    },
    Need {
        name: "HAProxy",
        probe: &["haproxy", "-v"],
        packages: &["haproxy"],
    },
    Need {
        name: "tinyproxy",
        probe: &["tinyproxy", "-v"],
        packages: &["tinyproxy-bin"],
    },
    Need {
        name: "squid",
        probe: &["/usr/sbin/squid", "-v"],
        packages: &["squid"],
    },
    Need {
        name: "Dante",
        probe: &["/usr/sbin/danted", "-v"],
        packages: &["dante-server"],
    },
    Need {
        // It has no option that only asks for its version.
        name: "microsocks",
        probe: &["test", "-x", "/usr/bin/microsocks"],
        packages: &["microsocks"],
    },
    Need {
        // The program is there without the sources of the locales that it compiles.
        name: "the sources of locales",
        probe: &["test", "-f", "/usr/share/i18n/locales/tr_TR"],
        packages: &["locales"],
    },
    Need {
        name: "ip",
        probe: &["ip", "-V"],
        packages: &["iproute2"],
    },
];

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    report.step("install", install);
    Ok(())
}

/// Everything but the Autobahn testsuite, which `autobahn` sets up for itself.
pub(crate) fn install() -> Result<Outcome, Failure> {
    programs(&NEEDS)?;
    python_packages(
        &target().join("peers/venv"),
        &root().join("tests/peers/requirements.txt"),
        "import prometheus_client, websockets",
    )?;
    node_peer()?;
    Ok(Outcome::Done)
}

/// Brings those programs that are missing.
pub(crate) fn programs(needs: &'static [Need]) -> Result<(), Failure> {
    let missing = missing(needs);
    if missing.is_empty() {
        let names: Vec<_> = needs.iter().map(|need| need.name).collect();
        println!("all programs are there: {}", names.join(", "));
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|need| need.name).collect();
    let packages: Vec<_> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    println!("missing: {}", names.join(", "));
    let by_hand = format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    let is_root = Run::new("id")
        .args(["-u"])
        .read()
        .is_ok_and(|id| id.trim() == "0");
    if !is_root || !Run::new("apt-get").args(["--version"]).succeeds() {
        return Err(format!(
            "missing: {}; as root on Debian: {by_hand}",
            names.join(", ")
        ));
    }
    let apt = || {
        Run::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            // The tests start the daemons themselves.
            .env("RUNLEVEL", "1")
    };
    apt().args(["-q", "update"]).run()?;
    apt()
        .args(["-q", "-y", "--no-install-recommends", "install"])
        .args(packages)
        .run()?;
    match self::missing(needs).first() {
        None => Ok(()),
        Some(need) => Err(format!("{} is still missing after: {by_hand}", need.name)),
    }
}

fn missing(needs: &'static [Need]) -> Vec<&'static Need> {
    let lacks = |need: &&Need| !Run::new(need.probe[0]).args(&need.probe[1..]).succeeds();
    needs.iter().filter(lacks).collect()
}

/// Makes a virtual environment with the pinned packages of `requirements`, unless it is there and passes `probe`.
pub(crate) fn python_packages(
    venv: &Path,
    requirements: &Path,
    probe: &str,
) -> Result<(), Failure> {
    let stamp = venv.join("stamp");
    let python = venv.join("bin/python");
    if same(requirements, &stamp) && Run::new(&python).args(["-c", probe]).succeeds() {
        println!("{}: already there", shorten(venv));
        return Ok(());
    }
    let _ = fs::remove_dir_all(venv);
    Run::new("python3")
        .args([Path::new("-m"), Path::new("venv"), venv])
        .run()?;
    let pip = [
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        "install",
        "--require-hashes",
        "-r",
    ];
    Run::new(&python).args(pip).args([requirements]).run()?;
    copy(requirements, &stamp)
}

fn node_peer() -> Result<(), Failure> {
    let folder = target().join("peers/node");
    let files = ["package.json", "package-lock.json"];
    let source = |file: &str| root().join("tests/peers").join(file);
    let stamp = folder.join("node_modules/.package-lock.stamp");
    if same(&source(files[1]), &stamp) && folder.join("node_modules/ws/package.json").is_file() {
        println!("ws for Node.js: already there");
        return Ok(());
    }
    create(&folder)?;
    for file in files {
        copy(&source(file), &folder.join(file))?;
    }
    let arguments = [
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
    ];
    Run::new("npm").args(arguments).in_folder(&folder).run()?;
    copy(&source(files[1]), &stamp)
}

/// Makes a folder and those above it.
pub(crate) fn create(folder: &Path) -> Result<(), Failure> {
    let created = fs::create_dir_all(folder);
    created.map_err(|error| format!("cannot create {}: {error}", folder.display()))
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = fs::copy(from, to).map(|_| ());
    copied.map_err(|error| {
        format!(
            "cannot copy {} to {}: {error}",
            from.display(),
            to.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_out_what_is_missing() {
        const SOME: [Need; 2] = [
            Need {
                name: "a shell",
                probe: &["true"],
                packages: &["dash"],
            },
            Need {
                name: "nothing known",
                probe: &["no-such-program-here"],
                packages: &["none"],
            },
        ];
        let names: Vec<_> = missing(&SOME).iter().map(|need| need.name).collect();
        assert_eq!(names, ["nothing known"]);
    }
}
