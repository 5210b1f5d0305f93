//! Provisioning on the command line: the verb that takes it in, and where a kiosk finds it.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::kiosk::provisioning::{self, Outcome};
use clap::Args;

/// Where a kiosk keeps and reports its provisioning.
#[derive(Args)]
pub struct KioskArguments {
    /// Where what was provisioned is kept.
    #[arg(long, value_name = "DIR", default_value = provisioning::STATE)]
    pub state: PathBuf,
    /// Where provisioning that was refused is told of.
    #[arg(long, value_name = "DIR", default_value = provisioning::REPORT)]
    pub report: PathBuf,
}

/// What is provisioned, and where it is kept.
#[derive(Args)]
pub struct ProvisionArguments {
    /// Where to look for a conclave.toml, in this order: a folder, or the file itself.
    #[arg(long, value_name = "FILE_OR_DIR", default_values = provisioning::PLACES)]
    from: Vec<PathBuf>,
    /// Where what was applied is kept.
    #[arg(long, value_name = "DIR", default_value = provisioning::STATE)]
    state: PathBuf,
    /// Where the kiosk looks for what was refused.
    #[arg(long, value_name = "DIR", default_value = provisioning::REPORT)]
    report: PathBuf,
    /// Only say whether the file is right; changes nothing.
    #[arg(long)]
    check: bool,
}

impl ProvisionArguments {
    /// Applies the provisioning, and prints the result.
    pub fn run(self) -> ExitCode {
        let outcome = match self.check {
            true => provisioning::check(&self.from),
            false => provisioning::provision(&self.from, &self.state, &self.report),
        };
        match outcome {
            Ok(outcome) => println!("{}", self.told(outcome)),
            Err(error) => {
                eprintln!("conclave-endpoint: {error}");
                return ExitCode::FAILURE;
            }
        }
        ExitCode::SUCCESS
    }

    fn told(&self, outcome: Outcome) -> String {
        match outcome {
            Outcome::NoFile => {
                let places: Vec<_> = self
                    .from
                    .iter()
                    .map(|place| place.display().to_string())
                    .collect();
                format!("no provisioning in {}", places.join(", "))
            }
            Outcome::AppliedBefore(path) => format!("{} was applied before", path.display()),
            Outcome::Applied(path, sections) => {
                format!("{} is applied: {}", path.display(), listed(&sections))
            }
            Outcome::Right(path, sections) => {
                format!("{} is right: {}", path.display(), listed(&sections))
            }
        }
    }
}

fn listed(sections: &[String]) -> String {
    match sections {
        [] => "it says nothing".into(),
        _ => sections.join(", "),
    }
}
