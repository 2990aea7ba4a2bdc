-- Nearly all events are of calls. Whoever asks for those finds them by their sequence; an index by type is for all
-- others, and need not be written for every call (decision 0050).
DROP INDEX "Event_type_sequence_idx";
CREATE INDEX "Event_type_sequence_idx" ON "Event"("type", "sequence") WHERE "type" NOT IN ('mcp.request', 'mcp.response');
