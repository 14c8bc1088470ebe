"""Words that tell what stands on a spine: given names, particles of names, publishers, and the small words of titles.

Plain tables, to be read and argued with. A name that is not here is no mistake, only a hint less.
Knows nothing of how they are looked for. Invariant: all lower case, without accents.
"""

from __future__ import annotations

_GIVEN_NAMES = """
    aaron abdul abdulrazak abigail abraham adam adrian agatha agnes ahdaf ahmed aidan akira akwaeke alaa alain alan
    alasdair albert alberto aldous alejandro aleksandar aleksandr alessandra alessandro alex alexander alexandra
    alexandre alexei alfred ali alice alicia alison allan allen ally alys amanda amartya amelia amin amitav amos amy
    ana anais anand anatole anders andre andrea andreas andrei andrew andrzej andy angela angus anika anil anita
    anjali anjum ann anna anne anneli annette annie anthony antoine anton antonia antonio antony anya april archie
    arkady arlene arnaldur arnold arthur arto arturo arundhati asa ashley asif assia astrid atul audre august aurora
    avi ayn bapsi barack barbara barney barry basil bea beatrice beatrix becky ben benedict benjamin benoit bernard
    bernardine bernardo bernice bert bertrand beryl bess beth bettina betty beverly bill billy birgit bjorn bob
    bohumil boris bram brandon brenda brian bridget brit britt bruce bryan buchi caitlin camilla camille candice
    carl carla carlo carlos carmen carol carole caroline carolyn carrie carsten casey cassandra catherine cathy
    cecilia cees celeste celine charles charlie charlotte cheryl chimamanda chinua chloe chris christa christian
    christie christina christine christoph christopher chuck cixin claire clara clarice clark claude claudia claudio
    clifford clive colin colm colson connie conrad constance cormac cornelia craig curtis cynthia cyril czeslaw
    daisy daljit damon dan dana daniel daniela danielle danilo daphne dario dave david davide dawn dean debbie
    deborah debra deepak delia denis denise dennis derek desiree desmond diana diane dick diego dimitri dino dirk
    dmitri dolores dominic don donald donna dora doris dorothy doug douglas dov dubravka duncan dylan earl ece ed
    eddie edgar edith edmund edouard eduardo edward edwidge edwin eileen eimear elaine eleanor elena elfriede elias
    elie elif elinor elisabeth elizabeth ella ellen elliot elmore elsa emil emile emily emine emma emmanuel enid
    enrique eric erica erich erik erin ernest ernst etgar ethan eudora eugene eva evan eve evelyn ezra faith farah
    fatima felipe felix ferdinand fernanda fernando fiona flannery flora florence ford frances francesca francine
    francis francisco francois frank franklin franz fred frederic frederick friedrich fritz fyodor gabriel gabriela
    gail gareth garry gary gavin geoff geoffrey georg george georges georgia gerald gerard germaine gertrude gideon
    gil gilbert gilles gillian giorgio giovanni gita githa giuseppe glen gloria goran gordon gottfried grace graham
    grant greg gregory greta guadalupe guillermo gunnar gunter gus gustave guy guzel gwen haldor halldor han hanan
    hanif hannah hans hanya harold harper harriet harry haruki harvey heather hector heidi heinrich helen helena
    helene henk henri henrik henry herbert herman hermann hernan hilary hilda hiroko hiromi hisashi hisham holly
    homer honore horace howard hubert hugh hugo hwang ian ibrahim ibram ida ignazio igor ilya imre inga ingrid
    intizar ioanna iqbal ira irene iris irmgard irvine irving isaac isabel isabella isaiah isak ishmael ismail italo
    ivan ivo ivy jacek jack jackie jacob jacqueline jacques james jamie jan jana jane janet janice jared jaroslav
    jasmine jason javier jay jean jeanette jeanne jeff jeffrey jenni jennifer jenny jeremy jerome jerry jesse
    jessica jhumpa jill jim jimmy jiro jo joan joanna joanne joao jodi joe joel johan johann johannes john johnny
    jokha jon jonathan jordan jorge jorn jose josef josefina joseph josephine joshua joy joyce juan judith judy
    jules julia julian julie julio jun june jung junot juri kai kamel kamila karel karen karin karl karolina kate
    katherine kathleen kathryn kathy katie kay kazuo keith kelly ken kenji kenneth kent kenzaburo kerry kevin khaled
    kim kingsley kiran kirsten klaus knut kristin kurt kwame kyle kyung laila lars laszlo laura lauren laurence
    laurie lawrence lee leila lena leo leon leonard leonora lesley leslie lev lewis leyla liam lillian linda lionel
    lisa liz lois lorraine louis louisa louise lucia lucy ludmila ludwig luis luisa luke lydia lynda lynn lynne
    maaike maaza mabel machado madeleine magda mahmoud malala malcolm manil manuel marc marcel marcelo marcia marco
    marcus margaret margarita margery marguerite maria marian mariana marianne marie marilyn marilynne marina mario
    marion marjane marjorie mark marlen marlon marta martha martin martina mary maryse masha masuji mat mathias
    matilda matt matthew maureen maurice max maxim maya mbue meena meera megan mehmed melanie melissa melvin
    meredith merlin mia michael michel michele michelle michiko mieko miguel mikhail milan mildred miles milton
    mindy miranda miriam mitch mo mohamed mohammed mohsin moira mollie molly mona monica monique monty muhammad
    mukoma mulk muriel murray nadeem nadia nadifa nadine naguib nan nancy naomi natalie nate nathan nathaniel nawal
    nayantara neal neil nell nelson nevil ngugi niall niccolo nicholas nick nicola nicolas nicole nigel nigella
    nikolai nikos nina noah noam noel nora norman nuruddin octavia okot olga oliver olivia olivier ondjaki orhan
    osamu oscar ottessa otto owen pablo paddy pamela pankaj parini pat patricia patrick patti paul paula paulina
    pauline paulo pearl pedro peggy penelope penny percy perumal peter petra phil philip philippa phillip phyllis
    pia pierre piers piet preti primo primrose priya qiu rabih rachel rafael ragnar rainer ralph ramon rana randall
    raphael rashid ravi ray raymond rebecca reginald reni rex rhys ricardo richard rick rita rob robert roberto
    robin rod roddy roger rohinton roland roman ron ronald rory rosa rosalind rosamund rose rosemary ross roxane roy
    ruby rudolf rudyard rupert ruskin russell ruth ryan ryszard ryu sabine sadegh sadie sahar sally salman sam
    samantha samin samir samuel sandor sandra sara sarah saul sayaka seamus sean sebastian selma serge sergio
    seymour shannon sharon shaun sheila shelley sherman sherry shirin shirley shobha shusaku siddhartha sidney
    siegfried sigizmund sigmund sigrid simin simon simone sinclair sindiwe sjon sofi sofia sonia sophia sophie
    stanislaw stanley stefan stefano stella stephanie stephen steve steven stewart stieg stuart sue sunil sunjeev
    susan susanna susanne suzanne svend svetlana sybil sylvia tahar tamar tamara tana tariq tarjei tayeb taylor ted
    tennessee terence teresa terry tess tessa thea theo theodor theodore theresa thomas tim timothy tishani tobias
    toby tom tomas tomasz tommy toni tonke tony toshikazu tove tracy truman tsitsi ulrich umberto una upton ursula
    uwe val valeria valerie vanessa varlam vasily vera vernon veronica veronique victor victoria vigdis vikas vikram
    vincent vinod viola violet virgil virginia vita vivian vladimir wallace walt walter wanda warren wendell wendy
    werner wiktor wilfred wilhelm wilkie willa willard william willy winston wislawa witold wole wolfgang woody
    xiaolu yaa yann yashar yasmin yasunari yevgeny yiyun yoel yoko yoshiko yotam yukio yuri yusuf yuval zachary
    zadie zeina zia zoe zora zukiswa
"""
GIVEN_NAMES = frozenset(_GIVEN_NAMES.split())
"""First names as they stand on spines in many languages, without accents."""

_PARTICLES = """
    al ap bin da de del della den der di dos du el ibn la las le los mac mc o st ten ter van von y
"""
PARTICLES = frozenset(_PARTICLES.split())
"""Small words inside a surname."""

_SMALL_WORDS = """
    a about after against all among an and are as at be before being between but by can did do does down ever every
    for from has have he her here his how i if in inside into is it its like me more my no nor not of off on once
    one only or our out over she so some than that the their them then there these they this those through to toward
    under until up was we what when where which who why will with without you your
"""
SMALL_WORDS = frozenset(_SMALL_WORDS.split())
"""Words that stand in titles and hardly ever in names."""

_PUBLISHERS = """
    abacus allenlane anchor anchorbooks arrow atlantic avon ballantine bantam basicbooks beacon belknap
    belknapharvard berkley bloomsbury bloomsburypublishing cambridge cambridgeuniversitypress canongate chattowindus
    collins corgi crown doubleday dover doverpublications dutton ebury everyman everymanslibrary faber faberandfaber
    faberfaber fourthestate fsg gollancz granta grantabooks grove hachette hamishhamilton harcourt harper
    harpercollins harperperennial harvard harvarduniversitypress harvill headline headofzeus heinemann hodder
    hodderstoughton houghtonmifflin jonathancape knopf ladybird littlebrown macmillan manning mariner mcgrawhill
    michaeljoseph mitpress modernclassics modernlibrary newdirections norton nostarch nostarchpress nyrb oneworld
    orbit oreilly orion oxford oxforduniversitypress oxfordworldsclassics pan panmacmillan pantheon pearson pelican
    penguin penguinbooks penguinclassics penguinmodernclassics persephone phaidon phoenix picador picadorpoetry
    plume prentice prenticehall princeton princetonuniversitypress profile profilebooks puffin quercus randomhouse
    reaktion riverhead routledge sceptre schocken scribe scribner serpentstail simonandschuster simonschuster
    springer stmartins taschen thamesandhudson thameshudson tor touchstone transworld verso viking vikingpress
    vintage vintagebooks vintageclassics virago virgo wildfire wiley windmill wordsworth wordsworthclassics
    worldsclassics yale yaleuniversitypress
"""
PUBLISHERS = frozenset(_PUBLISHERS.split())
"""Imprints, as one word each: what is left of them without spaces and marks."""
