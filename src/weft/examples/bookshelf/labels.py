"""The labels that come with the bookshelf: subjects, each with words that speak for it in a title, and some authors.

A table to be read, argued with and replaced: `group_by` takes any other. Earlier labels win ties.
Knows nothing of how a label is chosen. Invariant: names are unique, and no word is in the table to make a test pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "climate change": """
            carbon catastrophe climate degrees derangement drawdown emission energy fossil hothouse heat ice sea level
            storm uninhabitable warming weather water extinction sky earth kolbert mckibben klein lynas goodell""",
        "gardening": """
            allotment bulb compost dig flower garden gardener grow hedge herb lawn orchard plant planting prairie rose
            seed shrub soil vegetable oudolf chatto dowding""",
        "cooking": """
            acid baking bread cake cook cookbook cookery cuisine dessert eat fat fermentation flavour flavor food french
            grain italian kitchen meal pasta pastry recipe rice roast salt spice sugar taste tartine ottolenghi nigella
            slater bourdain""",
        "programming": """
            agile algorithm api architecture cloud code coder coding compiler computer computing data database debugging
            design distributed domain driven functional hacker interpreter interpreters java javascript kernel legacy
            linux machine network object pattern perl pragmatic program programmer programming python refactoring
            release ruby rust software structure system systems type unix web haskell lua""",
        "mathematics": """
            algebra analysis calculus complex conjecture geometry godel innumeracy logic math mathematical mathematician
            mathematics number numbers prime probability proof statistics theorem topology escher bach""",
        "physics": """
            atom atomic black cosmology cosmos einstein electrodynamics gravitation gravity hole light minute particle
            physics qed quantum relativity reality space string telescope theory time universe feynman hawking rovelli
            weinberg greene sagan""",
        "biology": """
            animal ant bee biology bird botany brain cell cancer darwin diversity dna dodo emperor evolution fish forest
            fungi gene genetic helix insect life mind mushroom natural nature ocean organism origin phenotype species
            spillover trees virus dawkins gould quammen mukherjee""",
        "economics": """
            bank business capital commons debt development doughnut economic economics economist finance freakonomics
            freedom growth inequality job labour market money nudge poor poverty trade wealth work keynes piketty""",
        "history": """
            ancient army battle century civil civilization colonial conquest crusade empire england europe french guns
            germs historian history king kingdom medieval nation postwar revolution roman rome queen rival silk soldier
            war world tuchman hobsbawm beevor""",
        "philosophy": """
            ethics existentialist human condition justice knowledge meditations metaphysics moral
            morality philosopher philosophical philosophy reason republic scientific soul thought totalitarianism truth
            virtue zen arendt wittgenstein plato""",
        "art": """
            architecture art artist camera color colour design drawing gallery modernism museum painter painting
            photograph photography sculpture seeing typographic berger gombrich sontag""",
        "music": "band concerto jazz music musical musicophilia noise opera orchestra piano rock song symphony",
        "travel": """
            arctic desert expedition island journey mountain north pole railway road sail travel trek voyage walk
            walking wild wilderness woods chatwin bryson thoreau macfarlane""",
        "mystery": """
            clue corpse crime dead death detective gone girl guide hound inspector killer midnight murder mystery orient
            sleep spy thief tinker christie chandler sayers highsmith rankin""",
        "science fiction and fantasy": """
            alien android dragon dune foundation galaxy hobbit hyperion martian neuromancer robot solaris star
            starship station wizard asimov clarke gibson herbert le guin lem pratchett tolkien butler""",
        "poetry and drama": """
            ballad elegy haiku ode plays poem poems poet poetry sonnet verse duffy heaney plath eliot whitman beckett
            chekhov miller shakespeare stoppard tennessee williams dickinson""",
        "novels": """
            novel story tale austen bronte camus coetzee dickens dostoevsky eliot faulkner fitzgerald flaubert hemingway
            hugo ishiguro kafka mann mantel marquez mcewan melville morrison murakami rushdie smith steinbeck tolstoy
            woolf atwood adichie""",
        "health and mind": """
            body brain breath checklist doctor fast habit healing health medicine mental mortal psychology sleep slow
            therapy thinking trauma sacks gawande kahneman""",
        "language and writing": """
            dictionary elements essay grammar instinct language library linguistics style tongue vocabulary word write
            writer writing""",
    }
)
"""Label to its words."""
