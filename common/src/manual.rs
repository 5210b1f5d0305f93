//! Man pages and shell completions, written from a program's own flags when it is packaged.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;

/// Writes a man page for the program and each of its verbs into `man`, and completions for Bash, Zsh and Fish into
/// `completions`, both in the folder. Folders that are missing are made; older files are replaced.
///
/// # Errors
/// When a folder or a file cannot be written.
pub fn write(command: &Command, folder: &Path) -> io::Result<()> {
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    for folder in [&pages, &completions] {
        fs::create_dir_all(folder)?;
    }
    clap_mangen::generate_to(command.clone(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let name = command.get_name().to_owned();
        clap_complete::generate_to(shell, &mut command.clone(), name, &completions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shown_verb_has_a_page_and_each_shell_a_file() {
        let hidden = Command::new("hidden").hide(true);
        let command = Command::new("program").subcommands([Command::new("serve"), hidden]);
        let folder = tempfile::tempdir().unwrap();
        // A second time over the first.
        for _ in 0..2 {
            write(&command, folder.path()).unwrap();
        }
        let names = |folder: &str| {
            let entries = fs::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let within = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(names(&within("man")), ["program-serve.1", "program.1"]);
        let completions = ["_program", "program.bash", "program.fish"];
        assert_eq!(names(&within("completions")), completions);
        let page = fs::read_to_string(within("man/program.1")).unwrap();
        assert!(page.contains("serve") && !page.contains("hidden"));
    }
}
