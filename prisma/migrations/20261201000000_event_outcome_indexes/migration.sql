-- Nearly all events are of what went well; whoever asks for those finds them by their sequence. An index of the outcome
-- itself would have PostgreSQL take what it holds for what all events are like.
CREATE INDEX "Event_not_well_idx" ON "Event"("sequence") WHERE "body"->>'outcome' IN ('denied', 'failure', 'pending');
CREATE INDEX "Event_pending_idx" ON "Event"("sequence") WHERE "body"->>'outcome' = 'pending';
