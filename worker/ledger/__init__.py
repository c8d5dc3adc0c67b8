"""What is known of each command and job, kept in Redis; every state change is one script.

    accepted   taken in, in the queue                    accepted:<lane> holds the command
    running    a node holds a lease on it                leases:<lane> holds the lease's end
    later      kept until it is due                      leases:<lane> holds the moment
    settled    outcome and event written                 command:<id> holds them for the retention time
    done       event confirmed by the broker             gone from accepted and leases

What has no lease, is not in the queue and not done was lost on the way: the sweep enqueues it again.
"""
