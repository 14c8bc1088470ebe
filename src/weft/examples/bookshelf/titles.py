"""Real books for rendered shelves: title and author by subject, in plain ASCII, which the built-in font can draw.

Holds names only. Knows nothing of fonts, shelves or of how a spine is read; no reader of spines imports it, so that
what is found on a rendered shelf was read and not looked up.
Invariant: no two entries share a title and an author, and there are at least three hundred.
"""

from __future__ import annotations

from typing import NamedTuple


class Printed(NamedTuple):
    """What a publisher prints on a spine."""

    title: str
    author: str
    subject: str


_BOOKS = """
# gardening
The Well-Tempered Garden|Christopher Lloyd
Planting: A New Perspective|Piet Oudolf
Gaia's Garden|Toby Hemenway
The Education of a Gardener|Russell Page
Beth Chatto's Gravel Garden|Beth Chatto
The Dry Garden|Beth Chatto
Charles Dowding's No Dig Gardening|Charles Dowding
The New Vegetable Grower's Handbook|Frank Tozer
Teaming with Microbes|Jeff Lowenfels
The Garden Jungle|Dave Goulson
Onward and Upward in the Garden|Katharine White
Second Nature|Michael Pollan
The Morville Hours|Katherine Swift
The Complete Gardener|Monty Don
Down to Earth|Monty Don
Dream Plants for the Natural Garden|Henk Gerritsen
The Apprehensive Gardener|Griselda Kerr
The Thrifty Gardener|Alys Fowler
Grow Your Own Vegetables|Joy Larkcom
The Flower Farmer|Lynn Byczynski
# climate change
The Uninhabitable Earth|David Wallace-Wells
This Changes Everything|Naomi Klein
The Sixth Extinction|Elizabeth Kolbert
Field Notes from a Catastrophe|Elizabeth Kolbert
Under a White Sky|Elizabeth Kolbert
The New Climate War|Michael Mann
Merchants of Doubt|Naomi Oreskes
Storms of My Grandchildren|James Hansen
How to Avoid a Climate Disaster|Bill Gates
Hothouse Earth|Bill McGuire
The End of Nature|Bill McKibben
Eaarth|Bill McKibben
Drawdown|Paul Hawken
Six Degrees|Mark Lynas
Losing Earth|Nathaniel Rich
The Water Will Come|Jeff Goodell
The Heat Will Kill You First|Jeff Goodell
The Great Derangement|Amitav Ghosh
Climate Wars|Gwynne Dyer
Not the End of the World|Hannah Ritchie
# history
The Guns of August|Barbara Tuchman
A Distant Mirror|Barbara Tuchman
SPQR|Mary Beard
The Silk Roads|Peter Frankopan
Postwar|Tony Judt
The Making of the English Working Class|E. P. Thompson
The Age of Revolution|Eric Hobsbawm
The Age of Extremes|Eric Hobsbawm
Stalingrad|Antony Beevor
The Face of Battle|John Keegan
1491|Charles Mann
The Sleepwalkers|Christopher Clark
Iron Kingdom|Christopher Clark
Bury My Heart at Wounded Knee|Dee Brown
The Warmth of Other Suns|Isabel Wilkerson
Team of Rivals|Doris Kearns Goodwin
The Wretched of the Earth|Frantz Fanon
Salt: A World History|Mark Kurlansky
Cod|Mark Kurlansky
Guns, Germs, and Steel|Jared Diamond
Sapiens|Yuval Noah Harari
The Dawn of Everything|David Graeber
Debt: The First 5000 Years|David Graeber
The Cheese and the Worms|Carlo Ginzburg
The Return of Martin Guerre|Natalie Zemon Davis
Bloodlands|Timothy Snyder
Hiroshima|John Hersey
Empire of the Summer Moon|S. C. Gwynne
The Devil in the White City|Erik Larson
King Leopold's Ghost|Adam Hochschild
# cooking
Salt, Fat, Acid, Heat|Samin Nosrat
Mastering the Art of French Cooking|Julia Child
On Food and Cooking|Harold McGee
Plenty|Yotam Ottolenghi
Jerusalem|Yotam Ottolenghi
How to Eat|Nigella Lawson
Kitchen Confidential|Anthony Bourdain
The Food Lab|Kenji Lopez-Alt
Essentials of Classic Italian Cooking|Marcella Hazan
The Silver Spoon|Clelia D'Onofrio
An Everlasting Meal|Tamar Adler
Tender|Nigel Slater
The Kitchen Diaries|Nigel Slater
English Bread and Yeast Cookery|Elizabeth David
French Provincial Cooking|Elizabeth David
Tartine Bread|Chad Robertson
The Flavour Thesaurus|Niki Segnit
Land of Plenty|Fuchsia Dunlop
Every Grain of Rice|Fuchsia Dunlop
The Art of Fermentation|Sandor Katz
Ruhlman's Twenty|Michael Ruhlman
Made in India|Meera Sodha
East|Meera Sodha
The Moosewood Cookbook|Mollie Katzen
The Zuni Cafe Cookbook|Judy Rodgers
# programming
The Pragmatic Programmer|Andrew Hunt
Code Complete|Steve McConnell
The Mythical Man-Month|Frederick Brooks
Structure and Interpretation of Computer Programs|Harold Abelson
The C Programming Language|Brian Kernighan
The Practice of Programming|Brian Kernighan
Design Patterns|Erich Gamma
Refactoring|Martin Fowler
Domain-Driven Design|Eric Evans
Working Effectively with Legacy Code|Michael Feathers
Programming Pearls|Jon Bentley
Introduction to Algorithms|Thomas Cormen
The Art of Computer Programming|Donald Knuth
Designing Data-Intensive Applications|Martin Kleppmann
Release It!|Michael Nygard
A Philosophy of Software Design|John Ousterhout
Types and Programming Languages|Benjamin Pierce
Purely Functional Data Structures|Chris Okasaki
Learn You a Haskell for Great Good|Miran Lipovaca
Fluent Python|Luciano Ramalho
Effective Java|Joshua Bloch
The Rust Programming Language|Steve Klabnik
Programming in Lua|Roberto Ierusalimschy
Crafting Interpreters|Robert Nystrom
Compilers: Principles and Techniques|Alfred Aho
Distributed Algorithms|Nancy Lynch
Transaction Processing|Jim Gray
The Soul of a New Machine|Tracy Kidder
Hackers|Steven Levy
Coders at Work|Peter Seibel
# novels
Beloved|Toni Morrison
Song of Solomon|Toni Morrison
Things Fall Apart|Chinua Achebe
Half of a Yellow Sun|Chimamanda Ngozi Adichie
Americanah|Chimamanda Ngozi Adichie
Midnight's Children|Salman Rushdie
The God of Small Things|Arundhati Roy
A Suitable Boy|Vikram Seth
The Remains of the Day|Kazuo Ishiguro
Never Let Me Go|Kazuo Ishiguro
Klara and the Sun|Kazuo Ishiguro
Wolf Hall|Hilary Mantel
Bring Up the Bodies|Hilary Mantel
Mrs Dalloway|Virginia Woolf
To the Lighthouse|Virginia Woolf
Orlando|Virginia Woolf
Middlemarch|George Eliot
The Mill on the Floss|George Eliot
Pride and Prejudice|Jane Austen
Persuasion|Jane Austen
Emma|Jane Austen
Jane Eyre|Charlotte Bronte
Wuthering Heights|Emily Bronte
Great Expectations|Charles Dickens
Bleak House|Charles Dickens
Moby-Dick|Herman Melville
The Great Gatsby|F. Scott Fitzgerald
Tender Is the Night|F. Scott Fitzgerald
The Grapes of Wrath|John Steinbeck
East of Eden|John Steinbeck
The Old Man and the Sea|Ernest Hemingway
A Farewell to Arms|Ernest Hemingway
As I Lay Dying|William Faulkner
Invisible Man|Ralph Ellison
Their Eyes Were Watching God|Zora Neale Hurston
The Color Purple|Alice Walker
One Hundred Years of Solitude|Gabriel Garcia Marquez
Love in the Time of Cholera|Gabriel Garcia Marquez
The House of the Spirits|Isabel Allende
The Savage Detectives|Roberto Bolano
War and Peace|Leo Tolstoy
Anna Karenina|Leo Tolstoy
Crime and Punishment|Fyodor Dostoevsky
The Brothers Karamazov|Fyodor Dostoevsky
The Master and Margarita|Mikhail Bulgakov
The Trial|Franz Kafka
The Castle|Franz Kafka
The Magic Mountain|Thomas Mann
Buddenbrooks|Thomas Mann
The Tin Drum|Gunter Grass
Madame Bovary|Gustave Flaubert
Les Miserables|Victor Hugo
The Plague|Albert Camus
The Stranger|Albert Camus
The Name of the Rose|Umberto Eco
Foucault's Pendulum|Umberto Eco
Invisible Cities|Italo Calvino
My Brilliant Friend|Elena Ferrante
The Leopard|Giuseppe di Lampedusa
Norwegian Wood|Haruki Murakami
Kafka on the Shore|Haruki Murakami
Snow Country|Yasunari Kawabata
The Makioka Sisters|Junichiro Tanizaki
White Teeth|Zadie Smith
On Beauty|Zadie Smith
Atonement|Ian McEwan
Life of Pi|Yann Martel
The Handmaid's Tale|Margaret Atwood
Alias Grace|Margaret Atwood
Disgrace|J. M. Coetzee
Cloud Atlas|David Mitchell
The Goldfinch|Donna Tartt
The Secret History|Donna Tartt
Gilead|Marilynne Robinson
A Fine Balance|Rohinton Mistry
# science fiction
Dune|Frank Herbert
The Left Hand of Darkness|Ursula Le Guin
The Dispossessed|Ursula Le Guin
A Wizard of Earthsea|Ursula Le Guin
Neuromancer|William Gibson
Foundation|Isaac Asimov
I, Robot|Isaac Asimov
Childhood's End|Arthur C. Clarke
Rendezvous with Rama|Arthur C. Clarke
Fahrenheit 451|Ray Bradbury
The Martian Chronicles|Ray Bradbury
Kindred|Octavia Butler
Parable of the Sower|Octavia Butler
Hyperion|Dan Simmons
Snow Crash|Neal Stephenson
Anathem|Neal Stephenson
The Three-Body Problem|Cixin Liu
Solaris|Stanislaw Lem
Roadside Picnic|Arkady Strugatsky
Ancillary Justice|Ann Leckie
The Fifth Season|N. K. Jemisin
Station Eleven|Emily St. John Mandel
The Hobbit|J. R. R. Tolkien
Good Omens|Terry Pratchett
Small Gods|Terry Pratchett
# physics
A Brief History of Time|Stephen Hawking
QED|Richard Feynman
Six Easy Pieces|Richard Feynman
The Elegant Universe|Brian Greene
The Fabric of the Cosmos|Brian Greene
Seven Brief Lessons on Physics|Carlo Rovelli
The Order of Time|Carlo Rovelli
Black Holes and Time Warps|Kip Thorne
The First Three Minutes|Steven Weinberg
Dreams of a Final Theory|Steven Weinberg
The Making of the Atomic Bomb|Richard Rhodes
Gravitation|Charles Misner
Cosmos|Carl Sagan
Pale Blue Dot|Carl Sagan
The Road to Reality|Roger Penrose
Quantum Computing Since Democritus|Scott Aaronson
The Theoretical Minimum|Leonard Susskind
Lost in Math|Sabine Hossenfelder
The End of Everything|Katie Mack
In Search of Schrodinger's Cat|John Gribbin
# biology
On the Origin of Species|Charles Darwin
The Selfish Gene|Richard Dawkins
The Extended Phenotype|Richard Dawkins
The Double Helix|James Watson
Silent Spring|Rachel Carson
The Sea Around Us|Rachel Carson
The Gene|Siddhartha Mukherjee
The Emperor of All Maladies|Siddhartha Mukherjee
Entangled Life|Merlin Sheldrake
The Hidden Life of Trees|Peter Wohlleben
The Song of the Dodo|David Quammen
Spillover|David Quammen
Wonderful Life|Stephen Jay Gould
An Immense World|Ed Yong
I Contain Multitudes|Ed Yong
The Diversity of Life|Edward Wilson
Journey to the Ants|Bert Holldobler
Other Minds|Peter Godfrey-Smith
The Botany of Desire|Michael Pollan
Braiding Sweetgrass|Robin Wall Kimmerer
# mathematics
Godel, Escher, Bach|Douglas Hofstadter
A Mathematician's Apology|G. H. Hardy
Fermat's Last Theorem|Simon Singh
The Code Book|Simon Singh
How to Solve It|George Polya
Proofs and Refutations|Imre Lakatos
Chaos|James Gleick
The Information|James Gleick
The Man Who Loved Only Numbers|Paul Hoffman
Prime Obsession|John Derbyshire
Innumeracy|John Allen Paulos
The Drunkard's Walk|Leonard Mlodinow
Flatland|Edwin Abbott
What Is Mathematics?|Richard Courant
Visual Complex Analysis|Tristan Needham
# art
Ways of Seeing|John Berger
The Story of Art|E. H. Gombrich
Interaction of Color|Josef Albers
Concerning the Spiritual in Art|Wassily Kandinsky
The Shock of the New|Robert Hughes
The Lives of the Artists|Giorgio Vasari
On Photography|Susan Sontag
Camera Lucida|Roland Barthes
The Arcades Project|Walter Benjamin
Art and Illusion|E. H. Gombrich
Drawing on the Right Side of the Brain|Betty Edwards
The Elements of Typographic Style|Robert Bringhurst
The Secret Lives of Color|Kassia St. Clair
Just Kids|Patti Smith
The Rest Is Noise|Alex Ross
Art as Therapy|Alain de Botton
# philosophy
Meditations|Marcus Aurelius
The Republic|Plato
Being and Time|Martin Heidegger
The Second Sex|Simone de Beauvoir
The Human Condition|Hannah Arendt
The Origins of Totalitarianism|Hannah Arendt
Philosophical Investigations|Ludwig Wittgenstein
A Theory of Justice|John Rawls
After Virtue|Alasdair MacIntyre
Reasons and Persons|Derek Parfit
The Sovereignty of Good|Iris Murdoch
Sophie's World|Jostein Gaarder
Zen and the Art of Motorcycle Maintenance|Robert Pirsig
The Structure of Scientific Revolutions|Thomas Kuhn
At the Existentialist Cafe|Sarah Bakewell
# economics
Capital in the Twenty-First Century|Thomas Piketty
The Wealth of Nations|Adam Smith
Doughnut Economics|Kate Raworth
Thinking, Fast and Slow|Daniel Kahneman
The Undoing Project|Michael Lewis
The Big Short|Michael Lewis
Freakonomics|Steven Levitt
Small Is Beautiful|E. F. Schumacher
Governing the Commons|Elinor Ostrom
The Great Transformation|Karl Polanyi
Development as Freedom|Amartya Sen
Poor Economics|Abhijit Banerjee
Nudge|Richard Thaler
Bullshit Jobs|David Graeber
The Box|Marc Levinson
# travel and nature
In Patagonia|Bruce Chatwin
The Songlines|Bruce Chatwin
The Snow Leopard|Peter Matthiessen
Arctic Dreams|Barry Lopez
Underland|Robert Macfarlane
The Old Ways|Robert Macfarlane
The Living Mountain|Nan Shepherd
H Is for Hawk|Helen Macdonald
Pilgrim at Tinker Creek|Annie Dillard
Walden|Henry David Thoreau
Desert Solitaire|Edward Abbey
A Time of Gifts|Patrick Leigh Fermor
Notes from a Small Island|Bill Bryson
A Walk in the Woods|Bill Bryson
Into the Wild|Jon Krakauer
Into Thin Air|Jon Krakauer
The Worst Journey in the World|Apsley Cherry-Garrard
The Peregrine|J. A. Baker
Wild|Cheryl Strayed
The Great Railway Bazaar|Paul Theroux
# poetry and drama
The Waste Land|T. S. Eliot
Leaves of Grass|Walt Whitman
Ariel|Sylvia Plath
Birthday Letters|Ted Hughes
North|Seamus Heaney
Death of a Naturalist|Seamus Heaney
The Wild Iris|Louise Gluck
Geography III|Elizabeth Bishop
Death of a Salesman|Arthur Miller
A Streetcar Named Desire|Tennessee Williams
Waiting for Godot|Samuel Beckett
The Cherry Orchard|Anton Chekhov
Citizen|Claudia Rankine
The World's Wife|Carol Ann Duffy
Arcadia|Tom Stoppard
# mystery
The Big Sleep|Raymond Chandler
The Long Goodbye|Raymond Chandler
Gaudy Night|Dorothy Sayers
And Then There Were None|Agatha Christie
Murder on the Orient Express|Agatha Christie
The Hound of the Baskervilles|Arthur Conan Doyle
The Talented Mr Ripley|Patricia Highsmith
Tinker Tailor Soldier Spy|John le Carre
The Daughter of Time|Josephine Tey
In the Woods|Tana French
The Maltese Falcon|Dashiell Hammett
Gone Girl|Gillian Flynn
The Thursday Murder Club|Richard Osman
Knots and Crosses|Ian Rankin
Rebecca|Daphne du Maurier
# music, health and language
How Music Works|David Byrne
Musicophilia|Oliver Sacks
Awakenings|Oliver Sacks
This Is Your Brain on Music|Daniel Levitin
Being Mortal|Atul Gawande
The Checklist Manifesto|Atul Gawande
When Breath Becomes Air|Paul Kalanithi
Why We Sleep|Matthew Walker
The Body Keeps the Score|Bessel van der Kolk
The Language Instinct|Steven Pinker
The Elements of Style|William Strunk
Bird by Bird|Anne Lamott
On Writing|Stephen King
The Mother Tongue|Bill Bryson
Eats, Shoots and Leaves|Lynne Truss
"""


def _parse(lines: str) -> tuple[Printed, ...]:
    books = list[Printed]()
    subject = ""
    for line in lines.strip().splitlines():
        if line.startswith("# "):
            subject = line[2:]
        else:
            title, author = line.split("|")
            books.append(Printed(title, author, subject))
    return tuple(books)


TITLES: tuple[Printed, ...] = _parse(_BOOKS)
"""All of them, by subject."""
