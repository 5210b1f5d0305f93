//! Emoji in names and chat, as outlines: the software renderer draws no pictures that a font has in colors.

use slint::fontique_011::fontique::{Blob, Collection, FamilyId, GenericFamily};
use std::sync::Arc;

/// Noto Emoji 3.006, all of Unicode 17's emoji in one color (fonts/OFL.txt).
static FONT: &[u8] = include_bytes!("../fonts/NotoEmoji-Regular.ttf");
/// What `app.slint` is written in.
const TEXT: &str = "Roboto";

/// From now on, whatever fonts the machine has, emoji are drawn from the program's own. To be called once there is a
/// window.
pub fn draw_emoji() {
    stand_in(&mut slint::fontique_011::shared_collection());
}

/// Puts the font ahead of the system's, of which one with colors may be anywhere, and behind one for text: it has
/// digits, too.
fn stand_in(fonts: &mut Collection) {
    let text: Option<FamilyId> = fonts.family_id(TEXT).or_else(|| {
        let mut system = fonts.generic_families(GenericFamily::SansSerif);
        system.next()
    });
    let added = fonts.register_fonts(Blob::new(Arc::new(FONT)), None);
    let chain = text
        .into_iter()
        .chain(added.iter().map(|(family, _)| *family));
    fonts.append_generic_families(GenericFamily::SansSerif, chain);
}

#[cfg(test)]
mod tests {
    use super::*;
    use slint::fontique_011::fontique::{CollectionOptions, SourceCache};

    /// The names of the families in which the renderer looks, in its order.
    fn chain(fonts: &mut Collection) -> Vec<String> {
        let families: Vec<_> = fonts.generic_families(GenericFamily::SansSerif).collect();
        let mut names = Vec::new();
        for family in families {
            names.extend(fonts.family_name(family).map(str::to_owned));
        }
        names
    }

    #[test]
    fn emoji_come_before_all_fonts_of_the_machine_but_that_of_text() {
        let mut fonts = Collection::new(CollectionOptions {
            shared: false,
            system_fonts: true,
        });
        let before = chain(&mut fonts);
        stand_in(&mut fonts);
        let after = chain(&mut fonts);
        let own = after.iter().position(|name| name == "Noto Emoji").unwrap();
        assert!(own <= 1, "{after:?}");
        assert_eq!(after[own + 1..], before);
    }

    #[test]
    fn the_font_has_emoji_of_every_kind() {
        let mut fonts = Collection::new(CollectionOptions {
            shared: false,
            system_fonts: false,
        });
        stand_in(&mut fonts);
        let mut cache = SourceCache::default();
        let mut query = fonts.query(&mut cache);
        query.set_families([GenericFamily::SansSerif]);
        let mut lacking = Vec::new();
        query.matches_with(|font| {
            let has = font.charmap().unwrap();
            lacking.extend(
                "👨👩👧👋❤☎🏽🇩🇪🥰🫠🫩"
                    .chars()
                    .filter(|emoji| has.map(*emoji).unwrap_or(0) == 0),
            );
            slint::fontique_011::fontique::QueryStatus::Continue
        });
        assert!(lacking.is_empty(), "{lacking:?}");
    }
}
