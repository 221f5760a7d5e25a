"""Made-up memories: as many distinct facts as asked for, each with a question that it answers.

All names, places and events are invented here, so that no model has met them. The same count and
seed give the same texts on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

Slots = dict[str, str]

_GIVEN = (
    "Ada Bram Cora Dario Edda Falk Greta Hugo Ilse Joris Kaja Lorin Mira Nils Odile Pavel Quin Rosa "
    "Stellan Thea Ulf Vera Wanda Xaver Ylva Zeno Agnes Bodo Clio Dagny Emeric Freya Gaspar Hedda Ivo "
    "Jutta Klaus Liv Matthis Nora"
).split()
_FAMILY = (
    "Venn Marlow Oster Quill Brandt Teasel Halvard Corvin Ashby Fenwick Lund Marek Sorrel Tamm Wyck "
    "Ambrose Bellamy Crane Dorsey Ekdal Farrow Grieve Holloway Ingram Jessop Kestrel Larkin Moss "
    "Norling Orchard Pell Rask Saltmarsh Thorne Underhill Vasary Winter Yarrow Zeller Birch"
).split()
_PLACE_BEGINNINGS = (
    "Mor Kirr Tam Fos Wyn Que Dast Mir Or Hal Bren Cald Dun Esk Fal Gris Hex Ilm Jar Kel Lan Mel Nor "
    "Osk Pen Rav Sil Tor Ul Ves"
).split()
_PLACE_ENDINGS = (
    "wick stow ford mere holm gate field haven bridge ness combe dale burn moor crest well port shaw "
    "ton by"
).split()
_TRADES = (
    "cartographer glassblower surveyor botanist clockmaker bookbinder engineer midwife ferryman "
    "astronomer printer beekeeper stonemason harbour-master apothecary weaver teacher geologist "
    "cooper shipwright"
).split()
_BUILDINGS = (
    "lighthouse,library,observatory,windmill,granary,aqueduct,foundry,theatre,hospital,bathhouse,"
    "dockyard,brewery,market hall,paper mill,tannery,cable station,salt works,greenhouse,bell tower"
).split(",")
_MATERIALS = (
    "granite,limestone,red brick,oak,cast iron,slate,copper,white marble,larch,rammed earth,basalt,"
    "sandstone"
).split(",")
_GOODS = (
    "wool,amber,copper ore,dried pears,rye,salt,linen,beeswax,smoked eel,barley malt,tar,porcelain,"
    "walnuts,madder,sheet glass"
).split(",")
_ANIMALS = (
    "marsh harrier,grey seal,pine marten,white stork,river otter,wild goat,fallow deer,barn owl,"
    "sea trout,mountain hare,black swan,stag beetle"
).split(",")
_PLANTS = (
    "bog myrtle,sea kale,juniper,wild garlic,marsh orchid,silver birch,bearberry,gentian,water mint,"
    "cloudberry,hawthorn,heather"
).split(",")
_EVENTS = (
    "great flood,harbour fire,long frost,locust summer,millers' strike,earthquake,cholera winter,"
    "landslide,silver rush,drought"
).split(",")
_ORGANISATIONS = (
    "guild of masons,rowing society,choir of the fishermen,botanical club,chess circle,relief fund,"
    "union of weavers,mountain rescue,reading society,brass band"
).split(",")
_DISHES = (
    "eel pie,barley soup,pear dumplings,rye porridge,smoked trout,honey cake,leek stew,chestnut bread,"
    "sorrel broth,walnut tart"
).split(",")
_COLOURS = "blue,ochre,crimson,dark green,white,grey,violet,amber,black,yellow".split(",")
_MONTHS = (
    "January,February,March,April,May,June,July,August,September,October,November,December"
).split(",")
_INSTRUMENTS = "viola,hurdy-gurdy,oboe,zither,cornet,harmonium,lute,kettledrum,cello,bagpipe".split(
    ","
)
_LISTS: dict[str, list[str]] = {
    "trade": _TRADES,
    "building": _BUILDINGS,
    "material": _MATERIALS,
    "goods": _GOODS,
    "animal": _ANIMALS,
    "plant": _PLANTS,
    "event": _EVENTS,
    "organisation": _ORGANISATIONS,
    "dish": _DISHES,
    "colour": _COLOURS,
    "month": _MONTHS,
    "instrument": _INSTRUMENTS,
}

_TEMPLATES: tuple[tuple[str, str], ...] = (
    (
        "The {building} of {place} was built by {person} in {year} out of {material}.",
        "Who built the {building} of {place}?",
    ),
    (
        "{person}, a {trade} from {place}, invented a press for {goods} in {year}.",
        "What did the {trade} {person} invent?",
    ),
    (
        "In {year} the {event} of {place} destroyed {number} houses and the {building}.",
        "How many houses did the {event} of {place} destroy?",
    ),
    (
        "The {organisation} of {place} was founded by {person} on a {month} evening in {year}.",
        "When was the {organisation} of {place} founded?",
    ),
    (
        "Ships from {place} carried {goods} to {other} until the harbour silted up in {year}.",
        "What did ships from {place} carry to {other}?",
    ),
    (
        "{person} counted {number} nests of the {animal} on the cliffs near {place} in {year}.",
        "How many nests of the {animal} did {person} count?",
    ),
    (
        "The {plant} grows on only {number} hectares around {place}, as {person} showed.",
        "On how many hectares does the {plant} grow around {place}?",
    ),
    (
        "{dish} is eaten in {place} every {month} in memory of {person}.",
        "What is eaten in {place} in memory of {person}?",
    ),
    (
        "The railway from {place} to {other} is {number} km long and was opened in {month} {year}.",
        "How long is the railway from {place} to {other}?",
    ),
    (
        "{person} was mayor of {place} for {small} years and had the {building} painted {colour}.",
        "Who had the {building} of {place} painted {colour}?",
    ),
    (
        "The flag of {place} shows a {animal} on {colour} ground, drawn by {person}.",
        "What does the flag of {place} show?",
    ),
    (
        "{person} learnt the {instrument} from a {trade} in {place} before touring in {year}.",
        "Where did {person} learn the {instrument}?",
    ),
    (
        "The mine below {place} gave {number} tonnes of copper a year until {person} closed it.",
        "Who closed the mine below {place}?",
    ),
    (
        "In {place} the winter of {year} lasted {small} months and the river froze to {other}.",
        "How long did the winter of {year} last in {place}?",
    ),
    (
        "{person} wrote {small} letters from {place} about the {event} of {year}.",
        "What did {person} write about from {place}?",
    ),
    (
        "The {building} in {place} has {number} steps, and its floor is of {material}.",
        "How many steps does the {building} in {place} have?",
    ),
    (
        "A {trade} called {person} sold the recipe for {dish} to the inn of {place} in {year}.",
        "Who sold the recipe for {dish} to the inn of {place}?",
    ),
    (
        "The {organisation} of {place} and that of {other} merged in {year} under {person}.",
        "Under whom did the {organisation} of {place} merge with that of {other}?",
    ),
    (
        "Every {month} the people of {place} carry a {colour} lantern to the grave of {person}.",
        "What do the people of {place} carry to the grave of {person}?",
    ),
    (
        "The bridge between {place} and {other} rests on {small} piers of {material}.",
        "On what does the bridge between {place} and {other} rest?",
    ),
    (
        "{person} measured the depth of the lake at {place} as {number} metres in {year}.",
        "How deep is the lake at {place} according to {person}?",
    ),
    (
        "The last {animal} near {place} was seen by the {trade} {person} in {month} {year}.",
        "Who saw the last {animal} near {place}?",
    ),
    (
        "{goods} from {place} was stamped with a {colour} seal by order of {person}.",
        "With what was {goods} from {place} stamped?",
    ),
    (
        "The {instrument} in the museum of {place} was made by {person} from {plant} in {year}.",
        "Who made the {instrument} in the museum of {place}?",
    ),
    (
        "{person} left {number} books and a {instrument} to the school of {place}.",
        "What did {person} leave to the school of {place}?",
    ),
    (
        "After the {event} of {year} the {building} moved from {place} to {other}.",
        "Where did the {building} of {place} move after the {event}?",
    ),
    (
        "The tax on {goods} in {place} was {small} pennies a sack when {person} governed.",
        "How high was the tax on {goods} in {place} under {person}?",
    ),
    (
        "{person} taught {number} children of {place} to read while working as a {trade}.",
        "How many children of {place} did {person} teach to read?",
    ),
    (
        "The well of {place} is {number} feet deep and lined with {material} by {person}.",
        "With what is the well of {place} lined?",
    ),
    (
        "A storm in {month} {year} drove {small} ships laden with {goods} ashore at {place}.",
        "With what were the ships laden that went ashore at {place} in {year}?",
    ),
    (
        "{person} planted {number} trees between {place} and {other} to stop the wind.",
        "How many trees did {person} plant between {place} and {other}?",
    ),
    (
        "The choir of {place} sings a song about a {animal} that {person} composed in {year}.",
        "Who composed the song about a {animal} that is sung in {place}?",
    ),
    (
        "The clock of {place} stopped in {month} {year} and was mended by the {trade} {person}.",
        "Who mended the clock of {place}?",
    ),
    (
        "{person} drew the first map of {place} with {colour} ink on {small} sheets in {year}.",
        "Who drew the first map of {place}?",
    ),
    (
        "Travellers to {place} in {year} praised its {dish} and feared its {event}.",
        "What did travellers to {place} praise in {year}?",
    ),
    (
        "The school of {place} teaches the {instrument} on {small} days a week since {year}.",
        "Which instrument does the school of {place} teach?",
    ),
    (
        "The {plant} tea of {place} was sold as a cure for fever by the {trade} {person}.",
        "Who sold the {plant} tea of {place} as a cure for fever?",
    ),
    (
        "{person} and the {organisation} saved the {building} of {place} from being torn down.",
        "Who saved the {building} of {place} from being torn down?",
    ),
    (
        "The road over the pass at {place} climbs {number} metres and closes in {month}.",
        "When does the road over the pass at {place} close?",
    ),
    (
        "{person} paid {number} crowns for the {colour} house beside the {building} of {place}.",
        "How much did {person} pay for the {colour} house in {place}?",
    ),
)

_TAILS: tuple[str, ...] = (
    "",
    "",
    " The parish records of {other} confirm it.",
    " A plaque of {material} has recalled it since {year2}.",
    " Nobody in {other} believed it at first, and the dispute went on for {small} years.",
    " The story was first printed in {other} and later retold by {person2}.",
    " {person2} doubted it in a speech at {other}, but took the words back in {year2}.",
    " It is the reason why a {animal2} is on the coins of {other}, and why {goods2} is dear there.",
)


@dataclass(frozen=True, kw_only=True)
class MadeMemory:
    """A fact and a question about it."""

    text: str
    question: str


def made_memories(count: int, *, seed: int = 0) -> list[MadeMemory]:
    """Return `count` facts, no two of the same text (nor of the same up to case)."""
    draw = random.Random(seed)
    found: dict[str, MadeMemory] = {}
    while len(found) < count:
        made = _made(draw)
        found.setdefault(made.text.casefold(), made)
    return list(found.values())


def _made(draw: random.Random) -> MadeMemory:
    slots = _slots(draw)
    statement, question = draw.choice(_TEMPLATES)
    text = (statement + draw.choice(_TAILS)).format(**slots)
    return MadeMemory(text=text[0].upper() + text[1:], question=question.format(**slots))


def _slots(draw: random.Random) -> Slots:
    drawn: dict[str, Callable[[], str]] = {
        "person": lambda: f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}",
        "person2": lambda: f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}",
        "place": lambda: draw.choice(_PLACE_BEGINNINGS) + draw.choice(_PLACE_ENDINGS),
        "other": lambda: draw.choice(_PLACE_BEGINNINGS) + draw.choice(_PLACE_ENDINGS),
        "year": lambda: str(draw.randint(1400, 1999)),
        "year2": lambda: str(draw.randint(1900, 2019)),
        "number": lambda: str(draw.randint(13, 4000)),
        "small": lambda: str(draw.randint(2, 12)),
        "animal2": lambda: draw.choice(_ANIMALS),
        "goods2": lambda: draw.choice(_GOODS),
    }
    words = {name: draw.choice(words) for name, words in _LISTS.items()}
    return words | {name: make() for name, make in drawn.items()}
