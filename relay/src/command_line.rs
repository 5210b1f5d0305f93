//! The verbs and flags of `conclave-relay`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use conclave_common::config::file_or;
use conclave_relay::config::{Config, DEFAULT_FILE, Listener};

/// The relay of Conclave: rooms, chat, voice and video on a LAN server.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Serve until SIGTERM; SIGHUP reads the limits again
    Serve(Flags),
    /// Parse the configuration and print what would run
    Check(Flags),
    /// Print the relay's fingerprint and its words
    Identity(Flags),
    /// Write man pages and shell completions
    #[command(hide = true)]
    Manual {
        /// Where they go: a page for each verb, and a file for each shell
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Flags {
    /// The configuration file [default: /etc/conclave/relay.toml, where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of everything that the relay writes
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where control (TCP) and media (UDP) listen
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where browsers are served, or off
    #[arg(long, value_name = "ADDR|off")]
    web: Option<Listener>,
    /// Where metrics and health are served, or off
    #[arg(long, value_name = "ADDR|off")]
    admin: Option<Listener>,
    /// Whether endpoints on the LAN are told where the relay is
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    announce: Option<bool>,
}

fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("neither \"on\" nor \"off\""),
    }
}

impl Flags {
    /// The configuration with these flags over it.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let file = file_or(self.config.as_deref(), Path::new(DEFAULT_FILE));
        let flags = |config: &mut Config| self.lay_over(config);
        Ok(Config::load_below(file, std::env::vars_os(), flags)?)
    }

    fn lay_over(&self, config: &mut Config) {
        if let Some(dir) = &self.data_dir {
            config.data.dir.clone_from(dir);
        }
        if let Some(control) = self.listen {
            config.listen.control = control;
        }
        if let Some(web) = self.web {
            config.listen.web = web;
        }
        if let Some(admin) = self.admin {
            config.listen.admin = admin;
        }
        if let Some(announce) = self.announce {
            config.listen.announce = announce;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The configuration of a relay that is told by its file to speak plain HTTP, with these flags.
    fn plain_http(listen: &str, flags: &[&str]) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("relay.toml");
        let text = format!("[web]\nplain_http = true\n[listen]\nweb = \"{listen}\"");
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let line = ["conclave-relay", "check", "--config", file];
        let line = line.into_iter().chain(flags.iter().copied());
        match CommandLine::try_parse_from(line)?.verb {
            Verb::Check(flags) => flags.config(),
            _ => unreachable!("the verb is check"),
        }
    }

    #[test]
    fn a_flag_may_not_open_plain_http_to_other_machines() {
        assert!(plain_http("127.0.0.1:80", &[]).is_ok());
        let refused = plain_http("127.0.0.1:80", &["--web", "0.0.0.0:80"]);
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("would serve other machines"), "{error}");
    }

    #[test]
    fn a_flag_may_keep_plain_http_on_this_machine() {
        assert!(plain_http("0.0.0.0:80", &[]).is_err());
        let taken = plain_http("0.0.0.0:80", &["--web", "127.0.0.1:80"]);
        assert!(taken.is_ok(), "{taken:?}");
    }
}
