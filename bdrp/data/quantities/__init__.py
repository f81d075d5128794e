"""One dictionary of quantities: what the numbers of a response table are, and how they become a measure.

IC50, EC50, GI50 and GR50 in M, mM, µM, nM and pM, their logarithms and p-scales; AUC and AAC as fractions and in
percent; Emax, GR_AOC, DSS, and a measure of one's own. `choose_response` finds the column and its unit by header and by
shape, and refuses with the evidence where these do not tell.
"""

from bdrp.data.quantities.choice import Chosen as Chosen
from bdrp.data.quantities.choice import choose_response as choose_response
from bdrp.data.quantities.headers import recognise as recognise
from bdrp.data.quantities.quantity import QUANTITIES as QUANTITIES
from bdrp.data.quantities.quantity import Quantity as Quantity
from bdrp.data.quantities.stated import Stated as Stated
