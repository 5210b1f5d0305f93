//! The man pages and shell completions of `conclave-relay`, written from its own flags when it is packaged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::command_line::CommandLine;

/// Writes into `man` and `completions` in the folder, which is made when missing.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    for folder in [&pages, &completions] {
        fs::create_dir_all(folder)?;
    }
    clap_mangen::generate_to(CommandLine::command(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        complete(shell, &completions)?;
    }
    Ok(())
}

fn complete(shell: Shell, folder: &Path) -> io::Result<PathBuf> {
    let mut command = CommandLine::command();
    let name = command.get_name().to_owned();
    clap_complete::generate_to(shell, &mut command, name, folder)
}
