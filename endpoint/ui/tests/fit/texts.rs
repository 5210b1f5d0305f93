//! Where texts stand.

use conclave_ui::AppWindow;
use i_slint_backend_testing::{ElementHandle, ElementRoot};
use std::ops::ControlFlow;

/// What lies above a page and covers what is behind it.
const LAYERS: [&str; 6] = [
    "Dialog",
    "DrawerPanel",
    "ScreenKeyboard",
    "Toasts",
    "Banner",
    "VolumePanel",
];

/// Less than this is a matter of rounding.
const SLACK_PX: f32 = 1.5;

/// The texts that can be seen: those of the page, and those of each layer above it.
pub(crate) struct Texts {
    layers: Vec<Vec<Place>>,
    /// The keyboard has pushed the page up as far as it has to.
    typing: bool,
}

/// A text and where it stands.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    area: Area,
    /// The part of the window that is pushed with a finger to see all of it.
    pushed: Option<Area>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

impl Texts {
    pub(crate) fn of(window: &AppWindow) -> Self {
        let (mut page, above) = within(&window.root_element());
        let typing = above.iter().any(|(name, _)| *name == "ScreenKeyboard");
        let mut layers = Vec::new();
        for (_, layer) in above {
            let (texts, _) = within(&layer);
            page.retain(|place| {
                !texts
                    .iter()
                    .any(|text| text.area == place.area && text.name == place.name)
            });
            layers.push(texts);
        }
        layers.push(page);
        Self { layers, typing }
    }

    /// Pairs of texts that stand upon each other.
    pub(crate) fn overlapping(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for layer in &self.layers {
            for (index, first) in layer.iter().enumerate() {
                let others = layer
                    .iter()
                    .skip(index + 1)
                    .filter(|other| first.seen().meets(other.seen()));
                wrong.extend(
                    others.map(|other| format!("{} stands upon {}", first.name, other.name)),
                );
            }
        }
        wrong
    }

    /// Texts that are partly beside the window, but for those that can be pushed into it.
    pub(crate) fn outside(&self, width: f32, height: f32) -> Vec<String> {
        let beside = |place: &&Place| {
            let (area, free) = (place.area, self.typing || place.pushed.is_some());
            let across = area.left < -SLACK_PX || area.right > width + SLACK_PX;
            across || (!free && (area.top < -SLACK_PX || area.bottom > height + SLACK_PX))
        };
        self.layers
            .iter()
            .flatten()
            .filter(beside)
            .map(|place| format!("{} is beside the window", place.name))
            .collect()
    }
}

/// The texts within an element, and the layers with their names.
fn within(root: &ElementHandle) -> (Vec<Place>, Vec<(&'static str, ElementHandle)>) {
    let (mut texts, mut layers, mut pushed): (Vec<Place>, _, Vec<ElementHandle>) =
        (Vec::new(), Vec::new(), Vec::new());
    root.visit_descendants(|element| {
        let names: Vec<_> = element
            .type_name()
            .into_iter()
            .chain(element.bases().into_iter().flatten())
            .collect();
        let is = |name: &str| names.iter().any(|other| other == name);
        if is("Text") {
            texts.push(Place::of(&element));
        } else if is("Flickable") {
            pushed.push(element);
        } else if let Some(name) = LAYERS.into_iter().find(|name| is(name)) {
            layers.push((name, element));
        }
        ControlFlow::<()>::Continue(())
    });
    for flickable in pushed {
        let area = Area::of(&flickable);
        for text in flickable
            .query_descendants()
            .match_inherits("Text")
            .find_all()
        {
            let inside = Place::of(&text);
            texts
                .iter_mut()
                .filter(|place| place.area == inside.area && place.name == inside.name)
                .for_each(|place| place.pushed = Some(area));
        }
    }
    (texts, layers)
}

impl Place {
    fn of(element: &ElementHandle) -> Self {
        let name = [
            element.accessible_label(),
            element.id(),
            element.type_name(),
        ];
        let name = name
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        Self {
            name: name.into(),
            area: Area::of(element),
            pushed: None,
        }
    }

    /// As much of it as is not pushed away.
    fn seen(&self) -> Area {
        self.pushed
            .map_or(self.area, |window| self.area.within(window))
    }
}

impl Area {
    fn of(element: &ElementHandle) -> Self {
        let (corner, size) = (element.absolute_position(), element.size());
        Self {
            left: corner.x,
            top: corner.y,
            right: corner.x + size.width,
            bottom: corner.y + size.height,
        }
    }

    fn within(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    fn meets(self, other: Self) -> bool {
        let both = self.within(other);
        both.left + SLACK_PX < both.right && both.top + SLACK_PX < both.bottom
    }
}
