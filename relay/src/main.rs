//! `conclave-relay`: serves, checks a configuration, tells its identity.
#![forbid(unsafe_code)]

mod command_line;

use std::io::IsTerminal;
use std::net::TcpListener;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory as _, Parser};
use conclave_common::manual;
use conclave_relay::config::{Config, Listener};
use conclave_relay::data_dir::DataDir;
use conclave_relay::{Relay, Sockets};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use command_line::{CommandLine, Verb};

fn main() -> ExitCode {
    let verb = CommandLine::parse().verb;
    let result = match &verb {
        Verb::Serve(flags) => flags.config().and_then(|config| serve(&config, flags)),
        Verb::Check(flags) => flags.config().map(|config| check(&config)),
        Verb::Identity(flags) => flags.config().and_then(|config| identity(&config)),
        Verb::Manual { folder } => manual::write(&CommandLine::command(), folder).context("manual"),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conclave-relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: &Config, flags: &command_line::Flags) -> anyhow::Result<()> {
    let filter =
        tracing_subscriber::EnvFilter::try_new(&config.log.filter).context("log.filter")?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    raise_descriptor_limit();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut hangup = signal(SignalKind::hangup())?;
            let sockets = Sockets::bind(config)?;
            let (control, media) = (sockets.control.local_addr()?, sockets.media.local_addr()?);
            let address = |socket: &Option<TcpListener>| match socket {
                Some(socket) => socket.local_addr().map(Listener::On),
                None => Ok(Listener::Off),
            };
            let (web, admin) = (address(&sockets.web)?, address(&sockets.admin)?);
            let relay = Relay::start(sockets, config).await?;
            if config.web.plain_http && web != Listener::Off {
                tracing::warn!(%web, "plain HTTP for browsers: a proxy must speak TLS for it");
            }
            println!("ready control={control} media={media} web={web} admin={admin}");
            // Without systemd there is no program to notify.
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
            let (reload, reloads) = mpsc::channel(1);
            let shutdown = async {
                loop {
                    tokio::select! {
                        _ = terminate.recv() => break,
                        _ = interrupt.recv() => break,
                        _ = hangup.recv() => match flags.config() {
                            Ok(config) => drop(reload.send(config).await),
                            Err(error) => tracing::error!("configuration not taken: {error:#}"),
                        },
                    }
                }
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
            };
            let health = relay.health();
            tokio::select! {
                ended = relay.run(shutdown, reloads) => Ok(ended?),
                () = async {
                    health.feed_watchdog().await;
                    std::future::pending().await
                } => Ok(()),
            }
        })
}

/// A connection is a descriptor: takes as many as the system lets it.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn check(config: &Config) {
    println!("control and media on {}", config.listen.control);
    let scheme = if config.web.plain_http {
        "http"
    } else {
        "https"
    };
    match config.listen.web {
        Listener::On(web) => println!("web on {web} over {scheme}"),
        Listener::Off => println!("web off"),
    }
    println!("admin on {}", config.listen.admin);
    match config.listen.announce {
        true => println!("announced on the LAN as {:?}", config.listen.name.or_host()),
        false => println!("not announced on the LAN"),
    }
    println!("data in {}", config.data.dir.display());
    println!(
        "at most {} sessions, {} rooms, {} connections",
        config.limits.sessions, config.limits.rooms, config.limits.connections
    );
}

fn identity(config: &Config) -> anyhow::Result<()> {
    let public = DataDir::open(&config.data.dir)?.identity()?.public();
    println!("fingerprint {}", public.fingerprint());
    println!("words {}", public.words());
    Ok(())
}
