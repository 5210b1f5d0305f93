//! Pictures of every page, without a screen:
//! `cargo run -p conclave-ui --example screenshots -- FOLDER [LANGUAGE [PART]]`.
//!
//! Writes one sheet for each page and size, and what is on it. With a language, every picture by itself and in its full
//! size instead; with a part of a name, only those of that name.

mod scenes;
#[path = "sheets/sheet.rs"]
mod sheet;

use conclave_ui::slint::{ComponentHandle, Rgb8Pixel, select_bundled_translation};
use scenes::{Scene, Stage};
use sheet::{Picture, Sheet};
use std::fmt::Write;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Width and height, and by how much a picture is made smaller for its sheet.
const SIZES: [(u32, u32, u32); 3] = [(800, 480, 2), (1280, 800, 3), (1920, 1080, 4)];

/// This many scenes of each page are on its sheet in light colors, too. Sheets of all scenes would be larger than a
/// repository should carry.
const LIGHT: usize = 4;

/// The page, scene and width of the picture that the README shows in full size.
const FRONT: (&str, &str, u32) = ("room", "4", 1280);

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> std::io::Result<()> {
    let usage = || Error::other("usage: screenshots FOLDER [LANGUAGE [PART]]");
    let folder = arguments.next().map(PathBuf::from).ok_or_else(usage)?;
    std::fs::create_dir_all(&folder)?;
    match arguments.next() {
        Some(language) => singles(&folder, &language, &arguments.next().unwrap_or_default()),
        None => sheets(&folder),
    }
}

fn singles(folder: &Path, language: &str, part: &str) -> std::io::Result<()> {
    let mut stage = Stage::new(0, 0);
    for (width, height, _) in SIZES {
        stage = stage.resized(width, height);
        for scene in scenes::all() {
            for (dark, colors) in [(true, "dark"), (false, "light")] {
                let name = format!(
                    "{}-{}-{width}x{height}-{colors}.png",
                    scene.page, scene.name
                );
                if name.contains(part) {
                    picture(&scene, &stage, dark, language)?.write(&folder.join(name))?;
                }
            }
        }
    }
    Ok(())
}

fn sheets(folder: &Path) -> std::io::Result<()> {
    let mut pages: Vec<&str> = scenes::all().iter().map(|scene| scene.page).collect();
    pages.dedup();
    let mut list = format!(
        "# The pages\n\nMade by `make screenshots`. Each sheet shows the states that are named here, row by row, and the first\n{LIGHT} of them again in light colors. `room.png` is one of them in full size.\n",
    );
    let mut stage = Stage::new(0, 0);
    for page in pages {
        let shown: Vec<Scene> = scenes::all()
            .into_iter()
            .filter(|scene| scene.page == page)
            .collect();
        let names: Vec<&str> = shown.iter().map(|scene| scene.name).collect();
        let lines: Vec<String> = names.chunks(6).map(|line| line.join(" · ")).collect();
        write!(list, "\n## {page}\n{}\n", lines.join(" ·\n")).expect("a string takes everything");
        for (width, height, smaller) in SIZES {
            stage = stage.resized(width, height);
            let light = shown.len().min(LIGHT);
            let mut sheet = Sheet::new(width / smaller, height / smaller, shown.len() + light);
            for (dark, count) in [(true, shown.len()), (false, light)] {
                for scene in &shown[..count] {
                    let full = picture(scene, &stage, dark, "en")?;
                    sheet.add(&full.smaller(smaller));
                    if dark && (scene.page, scene.name, width) == FRONT {
                        full.write(&folder.join("room.png"))?;
                    }
                }
            }
            let name = format!("{page}-{width}x{height}.png");
            sheet.picture().write(&folder.join(&name))?;
            write!(list, "\n![{page} at {width}×{height}]({name})\n")
                .expect("a string takes everything");
        }
    }
    let readme = folder.join("README.md");
    // The section on the browser's pages is written by hand.
    if let Ok(old) = std::fs::read_to_string(&readme)
        && let Some(at) = old.find("\n## The browser page")
    {
        list.push_str(&old[at..]);
    }
    std::fs::write(readme, list)
}

fn picture(scene: &Scene, stage: &Stage, dark: bool, language: &str) -> std::io::Result<Picture> {
    let window = scene.show(stage, dark);
    select_bundled_translation(language).map_err(Error::other)?;
    stage.settle();
    let pixels: Vec<Rgb8Pixel> = stage.picture();
    window.hide().map_err(Error::other)?;
    Ok(Picture {
        width: stage.width(),
        pixels,
    })
}
