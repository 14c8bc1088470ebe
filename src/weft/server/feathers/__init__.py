"""Socket.IO in Feathers' wire form: the services of the table, and their events, for clients of Feathers.

The protocol is python-socketio's to open and keep alive; it needs the extra `feathers`.
"""
