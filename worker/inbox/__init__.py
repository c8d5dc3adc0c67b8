"""The queue `standdown.inbox`: plain JSON commands from producers in any language, for every account.

A node's thread takes them in at the same door as Python producers do. Only then does a message leave the inbox.
"""

AT_ONCE = 200
