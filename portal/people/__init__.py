"""Who: accounts of residents and staff, roles, households, sign-in, and the one door to rows of people."""

from portal.people.actors import ANONYMOUS, STAFF_ROLES, SYSTEM, Actor, Role

__all__ = ["ANONYMOUS", "STAFF_ROLES", "SYSTEM", "Actor", "Role"]
