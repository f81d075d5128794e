"""A screen that never happened, and the truth behind it.

The generative model, from cause to reported number (l a cell line, d a drug, p a pathway, g a gene, k a laboratory):

1. `biology`: a line has activities A_lp of 16 pathways (unit variance, partly its tissue's and its patient's); they and
   the tissue make the expression E_lg of 600 named genes.
2. `pharmacology`: true ln IC50 of a pair, in ln(µM),
   theta_ld = mu_d + sum_p B_dp A_lp + sum_g C_dg f(z(E_lg)) + gamma_l + delta_ld,
   where mu_d and B_dp are partly the drug's family's, C_dg is zero but for one to three causal genes, f saturates.
3. `curves`: viability v(x) = 1 / (1 + exp(h_d (x - theta))) at ln dose x, its fit to noisy wells, the area under
   the fit.
4. `laboratories`: who screens what, at which doses and how well; plate, well and batch effects; one experiment.
5. `truth`: what repeated experiments on a pair would report, mean and standard deviation, by Monte Carlo.

The drugs (names, structures, targets, genes known to mark sensitivity or resistance) and the genes are real; every
response is invented, so nothing here says how any drug works on any cell.
"""
