"""The demo: a purge and urgent cancels carried out on this machine, with the sandbox as impartial witness.

figures    what is counted in the end, and what would be wrong with it (pure)
rows       the same to read (pure)
child      one process of the demo: started, asked, ended by its id
stage      everything the demo starts, in order, and stops in the opposite one
witness    what the sandbox counted
play       the purge and the urgent cancels, and a look at them until they are done
screen     how that is shown on a terminal, and in a pipe
"""
